-- What each message was when it was written: a CRC-32 (edge/storage/sums.py). The release before writes whole rows of
-- entry, and knows of no sums: what it writes has none until the next start of this one.
CREATE TABLE entry_sum (
    seq INTEGER PRIMARY KEY,
    sum INTEGER NOT NULL
) STRICT;

CREATE TRIGGER entry_put AFTER INSERT ON entry BEGIN
    DELETE FROM entry_sum WHERE seq = NEW.seq;
END;

CREATE TRIGGER entry_removed AFTER DELETE ON entry BEGIN
    DELETE FROM entry_sum WHERE seq = OLD.seq;
END;
