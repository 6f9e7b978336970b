-- What machines did, as far as the floor book was read: from each moment on, until the next of the same machine.

CREATE TABLE doings (
    number  INTEGER PRIMARY KEY,
    machine TEXT NOT NULL,
    at      INTEGER NOT NULL,
    phase   TEXT NOT NULL,
    job     TEXT NOT NULL,
    item    TEXT NOT NULL,
    good    INTEGER NOT NULL,
    scrap   INTEGER NOT NULL,
    alarm   TEXT NOT NULL,
    text    TEXT NOT NULL,
    lost    INTEGER NOT NULL,
    known   INTEGER NOT NULL,
    run     INTEGER NOT NULL       -- planned time of one piece, ms; 0: not known
);
CREATE INDEX doings_by_machine ON doings (machine, at, number);

CREATE TABLE followed (             -- until where the book was read
    number   INTEGER PRIMARY KEY,
    event    TEXT NOT NULL,
    position INTEGER NOT NULL
);
