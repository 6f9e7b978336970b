-- Who is told of changes of the twins, and up to which change that has been done: beside the feed that it counts in, so
-- that a copy of this file holds both as of one moment.

CREATE TABLE listeners (
    id    TEXT NOT NULL PRIMARY KEY,
    about BLOB NOT NULL,          -- JSON: what the owner said (engine/twins/subscriptions.py)
    state BLOB NOT NULL           -- JSON: how far it has come
) WITHOUT ROWID;
