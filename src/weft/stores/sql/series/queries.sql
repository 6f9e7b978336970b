-- Every statement of the store of machine values by name. "-- name --" opens one, the comment below says what it is for.

-- series --
-- All series.
SELECT number, machine, name FROM series ORDER BY number;

-- add_series --
-- A series that was not there.
INSERT INTO series (machine, name) VALUES (?, ?);

-- drop_series --
-- Series of which nothing is left.
DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.series = series.number)
AND NOT EXISTS (SELECT 1 FROM sealed WHERE sealed.series = series.number);

-- begin_life --
-- Somebody listens from now on.
INSERT INTO lives (begun, heard) VALUES (?, ?);

-- last_life --
-- When somebody listened last.
SELECT number, begun, heard FROM lives ORDER BY number DESC LIMIT 1;

-- heard --
-- It is known what was heard until this moment.
UPDATE lives SET heard = ? WHERE number = ?;

-- lives_in --
-- Ends of lives within a span, oldest first.
SELECT heard FROM lives WHERE heard >= ? AND heard < ? AND number <> (SELECT max(number) FROM lives) ORDER BY heard;

-- drop_lives --
-- Lives that ended before anything that is kept.
DELETE FROM lives WHERE heard < ? AND number <> (SELECT max(number) FROM lives);

-- add_fresh --
-- A batch.
INSERT INTO fresh (count, data) VALUES (?, ?);

-- fresh --
-- All batches that are not packed yet, in order.
SELECT data FROM fresh ORDER BY number;

-- fresh_count --
-- How many points they hold.
SELECT coalesce(sum(count), 0) FROM fresh;

-- drop_fresh --
-- They are packed.
DELETE FROM fresh;

-- add_chunk --
-- Points of a series, packed.
INSERT INTO chunks (series, first, last, count, data) VALUES (?, ?, ?, ?, ?);

-- put_chunk --
-- A chunk that has grown.
UPDATE chunks SET last = ?, count = ?, data = ? WHERE number = ?;

-- newest_chunk --
-- The chunk of a series that begins last.
SELECT number, first, last, count, data FROM chunks WHERE series = ? ORDER BY first DESC, number DESC LIMIT 1;

-- chunks --
-- Chunks of a series that may hold points of a span, and the one before it.
SELECT data FROM chunks WHERE series = ?1 AND first < ?3 AND first >= coalesce(
    (SELECT max(first) FROM chunks WHERE series = ?1 AND first <= ?2), ?2) ORDER BY first, number;

-- count_chunks --
-- How many chunks there are.
SELECT count(*) FROM chunks;

-- spans --
-- The first and the last packed point of each machine, and how many there are.
SELECT machine, min(first), max(last), sum(count) FROM chunks JOIN series ON series.number = chunks.series
GROUP BY machine;

-- oldest --
-- The chunks that end first.
SELECT number, last FROM chunks ORDER BY last LIMIT ?;

-- drop_chunks --
-- Chunks that end before an instant, so many at a time.
DELETE FROM chunks WHERE number IN (SELECT number FROM chunks WHERE last < ? ORDER BY last LIMIT ?);

-- hot_spans --
-- The first packed point of each machine that has one before an instant; a look at the index for each series.
SELECT machine, min(first) FROM (
    SELECT machine, (SELECT min(first) FROM chunks WHERE chunks.series = series.number) AS first FROM series)
WHERE first < ? GROUP BY machine ORDER BY machine;

-- sealed_until --
-- Until when a machine is sealed before an instant.
SELECT coalesce(max(until), 0) FROM segments WHERE machine = ? AND until <= ?;

-- hot_count --
-- About how many points of a machine lie between two instants.
SELECT coalesce(sum(max(1, count * (min(last + 1, ?3) - max(first, ?2)) / (last + 1 - first))), 0) FROM chunks JOIN series ON series.number = chunks.series
WHERE machine = ?1 AND first < ?3 AND last >= ?2;

-- hot_chunks --
-- Chunks of a machine that may hold points between two instants.
SELECT chunks.number, series.number, name, data FROM chunks JOIN series ON series.number = chunks.series
WHERE machine = ?1 AND first < ?3 AND last >= ?2 ORDER BY series.number, first, chunks.number;

-- drop_chunk --
-- A chunk that was sealed.
DELETE FROM chunks WHERE number = ?;

-- cut_chunk --
-- A chunk of which the first part was sealed.
UPDATE chunks SET first = ?, last = ?, count = ?, data = ? WHERE number = ?;

-- add_life --
-- A life of which only the end is known; that of today stays the last.
INSERT INTO lives (number, begun, heard) SELECT (SELECT min(number) - 1 FROM lives), ?1, ?1 WHERE NOT EXISTS (SELECT 1 FROM lives WHERE heard = ?1);

-- add_segment --
-- A file that was made.
INSERT INTO segments (machine, begin, until, first, last, count, bytes, file, digest, event)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_sealed --
-- What it has of a series.
INSERT INTO sealed (segment, series, first, last, count, value, quality) VALUES (?, ?, ?, ?, ?, ?, ?);

-- segments --
-- All files.
SELECT number, machine, begin, until, first, last, count, bytes, file, digest, event FROM segments ORDER BY machine, begin, number;

-- segments_of --
-- Files of a machine that lie between two instants.
SELECT number, machine, begin, until, first, last, count, bytes, file, digest, event FROM segments
WHERE machine = ?1 AND begin < ?3 AND until > ?2 ORDER BY begin, number;

-- segments_unsaid --
-- Files that nobody has signed for yet, so many at a time.
SELECT number, machine, begin, until, first, last, count, bytes, file, digest, event FROM segments
WHERE event = '' AND number > ? ORDER BY number LIMIT ?;

-- segment_names --
-- The properties of a file.
SELECT name FROM sealed JOIN series ON series.number = sealed.series WHERE segment = ? ORDER BY name;

-- say_segment --
-- The event that signs for a file.
UPDATE segments SET event = ? WHERE number = ?;

-- sealed_files --
-- Files that hold points of a series between two instants, oldest first.
SELECT number, machine, begin, until, first, last, count, bytes, file, digest, event FROM segments WHERE number IN (
    SELECT segment FROM sealed WHERE series = ?1 AND first < ?3 AND last >= ?2) ORDER BY begin, number;

-- sealed_before --
-- What held of a series when an instant came, as files have it.
SELECT last, value, quality FROM sealed WHERE series = ? AND last < ? ORDER BY last DESC LIMIT 1;

-- sealed_spans --
-- The first and the last sealed point of each machine, and how many there are.
SELECT machine, min(first), max(last), sum(count) FROM segments GROUP BY machine;

-- sealed_size --
-- How many files there are, and their bytes.
SELECT count(*), coalesce(sum(bytes), 0) FROM segments;

-- segments_ended --
-- Files that end before an instant.
SELECT number, file FROM segments WHERE last < ?;

-- segments_oldest --
-- The files that end first.
SELECT number, last FROM segments ORDER BY last LIMIT ?;

-- drop_segment --
-- A file goes.
DELETE FROM segments WHERE number = ?;

-- drop_sealed --
-- And what it had.
DELETE FROM sealed WHERE segment = ?;

-- lives_during --
-- Who listened within a span, oldest first; the last of all goes on.
SELECT begun, CASE WHEN number = (SELECT max(number) FROM lives) THEN NULL ELSE heard END FROM lives
WHERE begun < ?2 AND (heard >= ?1 OR number = (SELECT max(number) FROM lives)) ORDER BY begun;

-- followed --
-- Until where the floor book was read.
SELECT event, position FROM followed LIMIT 1;

-- forget_followed --
-- It is read anew, or further.
DELETE FROM followed;

-- add_followed --
-- It was read until here.
INSERT INTO followed (event, position) VALUES (?, ?);

-- add_doing --
-- What a machine does from a moment on.
INSERT INTO doings (machine, at, phase, job, item, good, scrap, alarm, text, lost, known, run)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- doings --
-- What a machine did within a span, and what held when it began.
SELECT at, phase, job, item, good, scrap, alarm, text, lost, known, run FROM doings WHERE machine = ?1 AND at < ?3
AND number >= coalesce((SELECT number FROM doings WHERE machine = ?1 AND at <= ?2 ORDER BY at DESC, number DESC LIMIT 1), 0)
ORDER BY at, number;

-- last_doings --
-- What each machine does as far as is known.
SELECT machine, at, phase, job, item, good, scrap, alarm, text, lost, known, run FROM doings
WHERE number IN (SELECT max(number) FROM doings GROUP BY machine);

-- forget_doings --
-- What is too old, but that what holds of a machine stays.
DELETE FROM doings WHERE at < ? AND number NOT IN (SELECT max(number) FROM doings GROUP BY machine);

-- drop_doings --
-- All of it: the book is read anew.
DELETE FROM doings;
