-- The first tables of the written twins. Runs before the code that needs it (forward only; a released migration never
-- changes). ``kind`` is the place of the kind in engine/twins/ports.py, from 1; ids sort bytewise.

CREATE TABLE twins (
    number   INTEGER PRIMARY KEY,  -- private to this file; free again once the twin is deleted
    kind     INTEGER NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL,
    body     BLOB NOT NULL         -- canonical JSON, as it is served
);
CREATE UNIQUE INDEX twins_by_id ON twins (kind, id);

CREATE TABLE gone (                -- where a deleted twin's revisions go on from
    kind     INTEGER NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL,
    PRIMARY KEY (kind, id)
) WITHOUT ROWID;

CREATE TABLE history (
    kind     INTEGER NOT NULL,
    id       TEXT NOT NULL,
    revision INTEGER NOT NULL,
    at       TEXT NOT NULL,
    head     INTEGER NOT NULL,     -- bytes at the beginning that the following revision has, too
    tail     INTEGER NOT NULL,     -- bytes at the end, likewise
    middle   BLOB NOT NULL         -- what lay between; empty with a head and a tail of 0: deleted
);
CREATE UNIQUE INDEX history_by_revision ON history (kind, id, revision);

CREATE TABLE changes (             -- the feed
    number   INTEGER PRIMARY KEY AUTOINCREMENT,
    kind     INTEGER NOT NULL,
    id       TEXT NOT NULL,
    path     TEXT NOT NULL,
    type     TEXT NOT NULL,
    at       TEXT NOT NULL,
    revision INTEGER NOT NULL
);

CREATE TABLE titles (              -- what names and fields are called
    number INTEGER PRIMARY KEY,
    text   TEXT NOT NULL
);
CREATE UNIQUE INDEX titles_by_text ON titles (text);

CREATE TABLE names (               -- what twins are found by; derived from their bodies
    name  INTEGER NOT NULL,        -- title: kind:idShort, kind:semanticId, kind:asset.NAME, kind:assetType
    value TEXT NOT NULL,
    id    TEXT NOT NULL,           -- so that a page of what is found is in order, too
    PRIMARY KEY (name, value, id)
) WITHOUT ROWID;

CREATE TABLE fields (              -- what a query asks of a twin as a whole; derived from the bodies
    name  INTEGER NOT NULL,        -- title
    value TEXT NOT NULL,
    twin  INTEGER NOT NULL,
    place TEXT NOT NULL,           -- indices on the way: 3.0
    PRIMARY KEY (name, value, twin, place)
) WITHOUT ROWID;

CREATE TABLE places (              -- ways to elements; many submodels share one
    number   INTEGER PRIMARY KEY,
    path     TEXT NOT NULL,        -- a.b[0].c
    shape    TEXT NOT NULL,        -- a.b[].c
    tail     TEXT NOT NULL,        -- c
    id_short TEXT                  -- of the element; some in a list have none
);
CREATE INDEX places_by_path ON places (path, id_short);
CREATE INDEX places_by_shape ON places (shape);
CREATE INDEX places_by_tail ON places (tail);
CREATE INDEX places_by_id_short ON places (id_short);

CREATE TABLE terms (               -- values of semantic ids
    number INTEGER PRIMARY KEY,
    text   TEXT NOT NULL
);
CREATE UNIQUE INDEX terms_by_text ON terms (text);

CREATE TABLE elements (            -- elements of submodels; derived from their bodies
    twin     INTEGER NOT NULL,
    place    INTEGER NOT NULL,
    language TEXT NOT NULL,        -- of a text in several languages; else ''
    semantic INTEGER,              -- term of the first key of its semanticId
    type     TEXT,                 -- valueType
    value    TEXT,                 -- lexical, as it was written
    number   REAL,                 -- where the value reads as one
    instant  INTEGER,              -- microseconds since 1970 in UTC, where the value reads as a moment
    PRIMARY KEY (twin, place, language)
) WITHOUT ROWID;
CREATE INDEX elements_by_value ON elements (place, value);
CREATE INDEX elements_by_number ON elements (place, number) WHERE number IS NOT NULL;
CREATE INDEX elements_by_instant ON elements (place, instant) WHERE instant IS NOT NULL;
CREATE INDEX elements_by_meaning ON elements (semantic, value) WHERE semantic IS NOT NULL;
CREATE INDEX elements_by_meant_number ON elements (semantic, number) WHERE semantic IS NOT NULL AND number IS NOT NULL;

CREATE VIEW twin_field (twin, name, value, place) AS
SELECT fields.twin, titles.text, fields.value, fields.place
FROM fields JOIN titles ON titles.number = fields.name;

CREATE VIEW twin_element
    (twin, ordinal, path, shape, tail, id_short, semantic, value, number, value_type, language, instant) AS
SELECT elements.twin, elements.place, places.path, places.shape, places.tail, places.id_short, terms.text,
    elements.value, elements.number, elements.type, nullif(elements.language, ''), elements.instant
FROM elements JOIN places ON places.number = elements.place LEFT JOIN terms ON terms.number = elements.semantic;

CREATE TABLE files (
    number       INTEGER PRIMARY KEY,
    digest       TEXT NOT NULL,    -- SHA-256 in hex; '' while it is coming in
    size         INTEGER NOT NULL,
    content_type TEXT NOT NULL,
    name         TEXT NOT NULL,
    at           TEXT NOT NULL
);
CREATE UNIQUE INDEX files_by_digest ON files (digest) WHERE digest <> '';

CREATE TABLE pieces (
    number  INTEGER PRIMARY KEY,   -- number of the file * 1,048,576 + place of the piece
    content BLOB NOT NULL
);

CREATE TABLE links (               -- which file a twin means by what its body says
    kind   INTEGER NOT NULL,
    id     TEXT NOT NULL,
    value  TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (kind, id, value)
) WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest);
