-- The first tables of machine values over time. Runs before the code that needs it (forward only; a released migration
-- never changes). Times are milliseconds since 1970.

CREATE TABLE series (
    number  INTEGER PRIMARY KEY,   -- private to this file
    machine TEXT NOT NULL,
    name    TEXT NOT NULL          -- of the property
);
CREATE UNIQUE INDEX series_by_name ON series (machine, name);

CREATE TABLE lives (               -- when somebody listened: between two of them nothing was heard of any machine
    number  INTEGER PRIMARY KEY,
    begun   INTEGER NOT NULL,
    heard   INTEGER NOT NULL       -- the last moment of which it is known what was heard
);

CREATE TABLE fresh (               -- batches as they came, of all series; soon packed into chunks
    number  INTEGER PRIMARY KEY,
    count   INTEGER NOT NULL,
    data    BLOB NOT NULL
);

CREATE TABLE chunks (              -- about a thousand points of one series, packed
    number  INTEGER PRIMARY KEY,
    series  INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    data    BLOB NOT NULL
);
CREATE INDEX chunks_by_first ON chunks (series, first);
CREATE INDEX chunks_by_last ON chunks (last);
