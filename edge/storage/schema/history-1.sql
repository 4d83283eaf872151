-- What is good to know and may be lost: samples, decisions, events. The oldest go first.
CREATE TABLE history (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at TEXT NOT NULL,
    topic TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX history_at ON history (topic, at);
