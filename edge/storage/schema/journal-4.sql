-- Transactions that began while the site had no cloud: no cloud is ever told of them. The release before knows nothing of
-- it: what it writes of such a one makes it one of a cloud's.
CREATE TABLE charge_alone (
    station TEXT NOT NULL,
    transaction_key TEXT NOT NULL,
    PRIMARY KEY (station, transaction_key)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER charge_put AFTER INSERT ON charge BEGIN
    DELETE FROM charge_alone WHERE station = NEW.station AND transaction_key = NEW.transaction_key;
END;

CREATE TRIGGER charge_removed AFTER DELETE ON charge BEGIN
    DELETE FROM charge_alone WHERE station = OLD.station AND transaction_key = OLD.transaction_key;
END;
