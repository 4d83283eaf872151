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

-- Sessions as they are reported. Times in UTC, energies in Wh as decimal text; what is exact stays so.
CREATE TABLE session (
    id INTEGER PRIMARY KEY,
    station TEXT NOT NULL,
    evse INTEGER,
    transaction_key TEXT NOT NULL,
    token TEXT,
    hint TEXT NOT NULL,
    class_id TEXT,
    cost_centre TEXT,
    internal INTEGER NOT NULL,
    began_at TEXT NOT NULL,
    ended_at TEXT,
    end_reason TEXT,
    register_begin_wh TEXT,
    register_wh TEXT,
    register_at TEXT,
    energy_wh TEXT NOT NULL,
    quarters TEXT NOT NULL,
    signed TEXT NOT NULL,
    energy_limit_wh TEXT
) STRICT;

-- highest: the greatest number that an entry ever had; entries go, it stays. secret: what makes local ids look random.
CREATE TABLE counter (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    highest INTEGER NOT NULL,
    secret BLOB NOT NULL
) STRICT;
INSERT INTO counter VALUES (1, 0, randomblob(16));
