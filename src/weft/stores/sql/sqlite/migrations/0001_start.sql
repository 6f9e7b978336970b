-- The first tables. Every key starts with the thread (or the peer), so that a store can be split by thread.
-- Runs before the code that needs it (forward only; a released migration never changes).

CREATE TABLE threads (
    thread  TEXT PRIMARY KEY,
    machine TEXT NOT NULL,
    members BLOB NOT NULL,     -- canonical JSON {organisation: role}
    heads   TEXT NOT NULL,     -- event ids, sorted, one space between
    fold    BLOB NOT NULL,     -- folded state at the heads; empty: fold anew
    length  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE events (
    thread      TEXT NOT NULL,
    id          TEXT NOT NULL,
    author      TEXT NOT NULL,
    device      TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    n           INTEGER NOT NULL,
    position    INTEGER NOT NULL,  -- private order of arrival; never leaves the node
    header      BLOB NOT NULL,     -- canonical bytes as received
    signature   BLOB NOT NULL      -- empty: bound by a later signed tip
);
CREATE UNIQUE INDEX events_by_position ON events (thread, position);
CREATE UNIQUE INDEX events_by_id ON events (thread, id);
CREATE UNIQUE INDEX events_by_chain ON events (thread, device, incarnation, n, author);

CREATE TABLE payloads (
    thread  TEXT NOT NULL,
    id      TEXT NOT NULL,
    slot    INTEGER NOT NULL,
    salt    BLOB NOT NULL,
    content BLOB NOT NULL
);
CREATE UNIQUE INDEX payloads_by_slot ON payloads (thread, id, slot);

CREATE TABLE pending (
    thread      TEXT NOT NULL,
    id          TEXT NOT NULL,
    author      TEXT NOT NULL,
    device      TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    n           INTEGER NOT NULL,
    envelope    BLOB NOT NULL,
    UNIQUE (thread, id)
);

CREATE TABLE forks (
    thread      TEXT NOT NULL,
    device      TEXT NOT NULL,
    incarnation TEXT NOT NULL,
    n           INTEGER NOT NULL,
    first       BLOB NOT NULL,
    second      BLOB NOT NULL,
    UNIQUE (thread, device, incarnation, n)
);

CREATE TABLE effects (
    thread   TEXT NOT NULL,
    cause    TEXT NOT NULL,
    reaction TEXT NOT NULL,
    final    INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_ms   INTEGER NOT NULL,
    UNIQUE (thread, cause, reaction)
);

CREATE TABLE outbox (
    peer     TEXT NOT NULL,
    thread   TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    due_ms   INTEGER NOT NULL,
    UNIQUE (peer, thread)
);

CREATE TABLE done (
    thread TEXT NOT NULL,
    key    TEXT NOT NULL,
    result BLOB NOT NULL,
    UNIQUE (thread, key)
);

CREATE TABLE kept (
    bucket  TEXT NOT NULL,
    key     TEXT NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (bucket, key)
) WITHOUT ROWID;
