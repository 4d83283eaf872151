-- Up to which commit of which journal, by its secret, the copies are complete. One that has had fewer since has lost its
-- log, and with it what was delivered. The release before leaves both numbers as they are.
CREATE TABLE copied (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    secret BLOB NOT NULL,
    commits INTEGER NOT NULL
) STRICT;
