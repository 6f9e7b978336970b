-- Who made which revision (engine/twins/authors.py); revisions of before have no row. Goes with the revision.

CREATE TABLE authors (
    kind     INTEGER NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    author   TEXT NOT NULL,
    PRIMARY KEY (kind, id, revision)
) WITHOUT ROWID;
