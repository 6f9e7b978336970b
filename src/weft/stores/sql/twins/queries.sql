-- Every statement of the store of twins by name. "-- name --" opens one, the comment below says what it is for.

-- twin --
-- One twin as it stands.
SELECT number, revision, at, body FROM twins WHERE kind = ? AND id = ?;

-- page --
-- Twins behind an id, in order of id.
SELECT id, revision, at, body FROM twins WHERE kind = ? AND id > ? ORDER BY id LIMIT ?;

-- count --
-- How many there are of a kind.
SELECT count(*) FROM twins WHERE kind = ?;

-- add_twin --
-- A twin that was not there.
INSERT INTO twins (kind, id, revision, at, body) VALUES (?, ?, ?, ?, ?);

-- put_twin --
-- The next revision of a twin.
UPDATE twins SET revision = ?, at = ?, body = ? WHERE number = ?;

-- delete_twin --
-- The twin is no longer there.
DELETE FROM twins WHERE number = ?;

-- gone --
-- The last revision of a twin that was deleted.
SELECT revision, at FROM gone WHERE kind = ? AND id = ?;

-- put_gone --
-- A twin was deleted.
INSERT INTO gone (kind, id, revision, at) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision, at = excluded.at;

-- delete_gone --
-- It is there again.
DELETE FROM gone WHERE kind = ? AND id = ?;

-- add_history --
-- A revision that another follows.
INSERT INTO history (kind, id, revision, at, head, tail, middle) VALUES (?, ?, ?, ?, ?, ?, ?);

-- prune_history --
-- Revisions that are too old to be kept.
DELETE FROM history WHERE kind = ? AND id = ? AND revision <= ?;

-- history --
-- Former revisions, the newest first.
SELECT revision, at, head, tail, middle FROM history
WHERE kind = ? AND id = ? AND revision < ? ORDER BY revision DESC LIMIT ?;

-- past_size --
-- The bytes of the largest state of a twin that is kept by itself.
SELECT max(coalesce((SELECT length(body) FROM twins WHERE kind = ? AND id = ?), 0),
           coalesce((SELECT max(length(middle)) FROM history WHERE kind = ? AND id = ?), 0));

-- add_change --
-- News for the feed.
INSERT INTO changes (kind, id, path, type, at, revision) VALUES (?, ?, ?, ?, ?, ?);

-- prune_changes --
-- News that is too old to be kept.
DELETE FROM changes WHERE number <= ?;

-- skip_changes --
-- The number behind which the feed goes on.
UPDATE sqlite_sequence SET seq = ? WHERE name = 'changes';

-- delete_change --
-- The entry that only made a number.
DELETE FROM changes WHERE number = ?;

-- feed --
-- News behind a number.
SELECT number, kind, id, path, type, at, revision FROM changes WHERE number > ? ORDER BY number LIMIT ?;

-- feed_ends --
-- The first and the last number of the feed.
SELECT coalesce(min(number), 0), coalesce(max(number), 0) FROM changes;

-- title --
-- The number of what names and fields are called.
SELECT number FROM titles WHERE text = ?;

-- add_title --
-- A name that no twin had before.
INSERT INTO titles (text) VALUES (?);

-- add_name --
-- Something that a twin is found by.
INSERT OR IGNORE INTO names (name, value, id) VALUES (?, ?, ?);

-- delete_name --
-- It is found by that no longer.
DELETE FROM names WHERE name = ? AND value = ? AND id = ?;

-- add_field --
-- Something that a query asks of a twin.
INSERT OR IGNORE INTO fields (name, value, twin, place) VALUES (?, ?, ?, ?);

-- delete_field --
-- It is so no longer.
DELETE FROM fields WHERE name = ? AND value = ? AND twin = ? AND place = ?;

-- place --
-- The number of a path and an idShort: within a list, the same path may have had others.
SELECT number FROM places WHERE path = ? AND id_short IS ?;

-- add_place --
-- A path that no submodel had before.
INSERT INTO places (path, id_short, shape, tail) VALUES (?, ?, ?, ?);

-- term --
-- The number of a text.
SELECT number FROM terms WHERE text = ?;

-- add_term --
-- A text that nothing was called before.
INSERT INTO terms (text) VALUES (?);

-- put_element --
-- An element as it is now.
INSERT INTO elements (twin, place, language, semantic, type, value, number, instant) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (twin, place, language) DO UPDATE SET semantic = excluded.semantic, type = excluded.type,
    value = excluded.value, number = excluded.number, instant = excluded.instant;

-- delete_element --
-- An element that is there no longer.
DELETE FROM elements WHERE twin = ? AND place = ? AND language = ?;

-- delete_elements --
-- All elements of a submodel.
DELETE FROM elements WHERE twin = ?;

-- add_file --
-- A file that begins to come in.
INSERT INTO files (digest, size, content_type, name, at) VALUES ('', 0, ?, ?, ?);

-- add_piece --
-- The next piece of a file.
INSERT INTO pieces (number, content) VALUES (?, ?);

-- file --
-- A file by its digest.
SELECT number, size, content_type, name FROM files WHERE digest = ? AND digest <> '';

-- finish_file --
-- A file is whole.
UPDATE files SET digest = ?, size = ? WHERE number = ?;

-- touch_file --
-- The same file came again.
UPDATE files SET at = ? WHERE number = ?;

-- withdraw_file --
-- Nobody finds the file any more; it is on its way out.
UPDATE files SET digest = '' WHERE number = ?;

-- pieces --
-- Numbers of the first pieces of a file.
SELECT number FROM pieces WHERE number >= ? AND number < ? ORDER BY number LIMIT ?;

-- piece --
-- One piece.
SELECT content FROM pieces WHERE number = ?;

-- delete_piece --
-- A piece of a file that nobody names.
DELETE FROM pieces WHERE number = ?;

-- delete_file --
-- A file that nobody names, once its pieces are gone.
DELETE FROM files WHERE number = ?;

-- orphans --
-- Files that nobody names and that came before an instant.
SELECT number FROM files WHERE at < ? AND digest <> '' AND NOT EXISTS (SELECT 1 FROM links WHERE links.digest = files.digest);

-- unfinished --
-- Files that did not come in whole.
SELECT number FROM files WHERE digest = '';

-- link --
-- The file that a twin means by a value.
SELECT digest FROM links WHERE kind = ? AND id = ? AND value = ?;

-- links --
-- All files of a twin.
SELECT value, digest FROM links WHERE kind = ? AND id = ? ORDER BY value;

-- put_link --
-- A twin means a file by a value.
INSERT INTO links (kind, id, value, digest) VALUES (?, ?, ?, ?)
ON CONFLICT (kind, id, value) DO UPDATE SET digest = excluded.digest;

-- delete_link --
-- It means it no longer.
DELETE FROM links WHERE kind = ? AND id = ? AND value = ?;

-- add_author --
-- Who made a revision.
INSERT OR REPLACE INTO authors (kind, id, revision, author) VALUES (?, ?, ?, ?);

-- prune_authors --
-- Those of revisions that are too old to be kept.
DELETE FROM authors WHERE kind = ? AND id = ? AND revision <= ?;

-- forget_authors --
-- Those of all that a twin was; of one that stands, its own stays.
DELETE FROM authors WHERE (kind, id) = (?, ?) AND NOT EXISTS (
    SELECT 1 FROM twins WHERE (twins.kind, twins.id, twins.revision) = (authors.kind, authors.id, authors.revision));

-- authors --
-- Who made the revisions of a twin, from one on.
SELECT revision, author FROM authors WHERE kind = ? AND id = ? AND revision >= ?;

-- forget_history --
-- What is left of twins that are forgotten.
DELETE FROM history WHERE kind = ? AND id = ?;

-- kept_history --
-- How much is kept of what a twin was.
SELECT count(*), coalesce(sum(length(middle)), 0) FROM history WHERE kind = ? AND id = ?;

-- all_gone --
-- Deleted twins of which something is kept.
SELECT gone.kind, gone.id, gone.revision, gone.at, count(*), sum(length(history.middle))
FROM gone JOIN history ON history.kind = gone.kind AND history.id = gone.id
WHERE (gone.kind, gone.id) > (?, ?) GROUP BY gone.kind, gone.id ORDER BY gone.kind, gone.id LIMIT ?;

-- forgotten --
-- Twins that were deleted before an instant.
SELECT kind, id, revision, at FROM gone WHERE at < ? AND kind > 0 LIMIT 500;

-- bodies --
-- Every twin, to be indexed anew.
SELECT number, kind, id, body FROM twins;

-- delete_all_names --
-- They are derived anew.
DELETE FROM names;

-- delete_all_fields --
-- Likewise.
DELETE FROM fields;

-- delete_all_elements --
-- Likewise.
DELETE FROM elements;

-- listeners --
-- Who is told of changes.
SELECT id, about, state FROM listeners ORDER BY id;

-- put_listener --
-- Somebody who is to be told, or is to be told otherwise.
INSERT INTO listeners (id, about, state) VALUES (?, ?, ?)
ON CONFLICT (id) DO UPDATE SET about = excluded.about, state = excluded.state;

-- put_listened --
-- How far it has come, unless it has been taken away meanwhile.
UPDATE listeners SET state = ? WHERE id = ?;

-- listeners_anew --
-- What they were told by a life that is lost may be more than is known now.
UPDATE listeners SET state = CAST(json_set(CAST(state AS TEXT), '$.anew', json('true')) AS BLOB);

-- delete_listener --
-- Nobody is told any more.
DELETE FROM listeners WHERE id = ?;
