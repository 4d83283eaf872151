-- What the journal has of transactions that the cloud hasn't had as the station has, once more: for the day when the
-- journal can't be read. The columns are those of charge and entry there.
CREATE TABLE charge_copy (
    station TEXT NOT NULL,
    transaction_key TEXT NOT NULL,
    connector INTEGER,
    began TEXT,
    cloud_id INTEGER,
    answer TEXT,
    ended TEXT,
    seen TEXT NOT NULL,
    meter_start_wh INTEGER,
    token TEXT,
    touched_at TEXT NOT NULL,
    PRIMARY KEY (station, transaction_key)
) STRICT, WITHOUT ROWID;

CREATE TABLE entry_copy (
    seq INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    kind TEXT NOT NULL,
    action TEXT NOT NULL,
    message_id TEXT NOT NULL,
    transaction_key TEXT,
    sequence INTEGER,
    text TEXT NOT NULL,
    taken_at TEXT NOT NULL,
    answered INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    state TEXT NOT NULL,
    reason TEXT
) STRICT;
