-- Every statement of the store of machine values by name. "-- name --" opens one, the comment below says what it is for.

-- series --
-- All series.
SELECT number, machine, name FROM series ORDER BY number;

-- add_series --
-- A series that was not there.
INSERT INTO series (machine, name) VALUES (?, ?);

-- drop_series --
-- Series of which nothing is left.
DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE chunks.series = series.number);

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
