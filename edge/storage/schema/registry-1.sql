-- What the cloud last said, and the site's own tokens.
CREATE TABLE boot (
    station TEXT PRIMARY KEY,
    text TEXT,
    owed INTEGER NOT NULL,
    status TEXT,
    interval_s INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE connector_status (
    station TEXT NOT NULL,
    connector TEXT NOT NULL,
    text TEXT NOT NULL,
    owed INTEGER NOT NULL,
    PRIMARY KEY (station, connector)
) STRICT, WITHOUT ROWID;

CREATE TABLE cached_token (
    hash TEXT PRIMARY KEY,
    info TEXT NOT NULL,
    learned_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE list_version (
    station TEXT PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE listed_token (
    station TEXT NOT NULL,
    hash TEXT NOT NULL,
    info TEXT NOT NULL,
    PRIMARY KEY (station, hash)
) STRICT, WITHOUT ROWID;

CREATE TABLE site_token (
    hash TEXT PRIMARY KEY,
    hint TEXT NOT NULL,
    name TEXT NOT NULL,
    blocked INTEGER NOT NULL,
    valid_from TEXT,
    valid_until TEXT,
    hours TEXT NOT NULL,
    class_id TEXT,
    cost_centre TEXT
) STRICT, WITHOUT ROWID;
