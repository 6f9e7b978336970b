-- What was sealed into files beside this one: which files there are, and what each has of a series.

CREATE TABLE segments (
    number  INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    begin   INTEGER NOT NULL,      -- the span that it is of: from here
    until   INTEGER NOT NULL,      -- to here, exclusive
    first   INTEGER NOT NULL,      -- its first point and its last
    last    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    bytes   INTEGER NOT NULL,
    file    TEXT NOT NULL,         -- its place below the folder of values
    digest  TEXT NOT NULL,         -- over what it says, whatever its bytes
    event   TEXT NOT NULL          -- the event of the floor book that signs for it; empty until it is said
);
CREATE UNIQUE INDEX segments_by_file ON segments (file);
CREATE INDEX segments_by_machine ON segments (machine, begin);
CREATE INDEX segments_by_last ON segments (last);

CREATE TABLE sealed (
    number  INTEGER PRIMARY KEY,
    segment INTEGER NOT NULL,
    series  INTEGER NOT NULL,
    first   INTEGER NOT NULL,
    last    INTEGER NOT NULL,
    count   INTEGER NOT NULL,
    value   REAL,                  -- what held at its end; nothing where no number did
    quality INTEGER NOT NULL
);
CREATE INDEX sealed_by_series ON sealed (series, last);
CREATE INDEX sealed_by_segment ON sealed (segment);
