-- Messages that the cloud has not confirmed, and the transactions they belong to.
CREATE TABLE entry (
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

CREATE TABLE charge (
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

-- highest: the greatest number that an entry ever had; entries go, it stays. secret: what makes local ids look random.
CREATE TABLE counter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    highest INTEGER NOT NULL,
    secret BLOB NOT NULL
) STRICT;
INSERT INTO counter VALUES (1, 0, randomblob(16));
