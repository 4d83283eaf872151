-- What the cars of the site's own tokens want each time. The release before writes whole rows of site_token, and knows of
-- no needs: a token that it changes has none, and one that it removes leaves none.
CREATE TABLE site_token_need (
    hash TEXT PRIMARY KEY,
    energy_wanted_wh REAL NOT NULL,
    ready_by TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TRIGGER site_token_put AFTER INSERT ON site_token BEGIN
    DELETE FROM site_token_need WHERE hash = NEW.hash;
END;

CREATE TRIGGER site_token_removed AFTER DELETE ON site_token BEGIN
    DELETE FROM site_token_need WHERE hash = OLD.hash;
END;
