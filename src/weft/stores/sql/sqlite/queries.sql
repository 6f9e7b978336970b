-- Every statement of the SQLite store by name. "-- name --" opens one, the comment below says what it is for.

-- length --
-- How many events a thread has; no row: none.
SELECT length FROM threads WHERE thread = ?;

-- put_thread --
-- A thread as it stands after a commit.
INSERT INTO threads (thread, machine, members, heads, fold, length) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (thread) DO UPDATE SET machine = excluded.machine, members = excluded.members, heads = excluded.heads,
    fold = excluded.fold, length = excluded.length;

-- grow_thread --
-- A thread that grew, if it was as long as whoever read it thought.
UPDATE threads SET machine = ?, members = ?, heads = ?, fold = ?, length = ? WHERE thread = ? AND length = ?;

-- add_event --
-- One event; the unique indexes refuse a second one of the same id, position or place in its chain.
INSERT INTO events (thread, id, author, device, incarnation, n, position, header, signature)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- add_payload --
-- The bytes behind one slot; a slot that is there already holds the same bytes (they match its commitment).
INSERT OR IGNORE INTO payloads (thread, id, slot, salt, content) VALUES (?, ?, ?, ?, ?);

-- add_pending --
-- An event that waits for its parents; the same again is not news.
INSERT OR IGNORE INTO pending (thread, id, author, device, incarnation, n, envelope) VALUES (?, ?, ?, ?, ?, ?, ?);

-- settle_pending --
-- The parents came, or the event was given up.
DELETE FROM pending WHERE thread = ? AND id = ?;

-- add_fork --
-- Proof of a fork; the first proof of a place in a chain is enough.
INSERT OR IGNORE INTO forks (thread, device, incarnation, n, first, second) VALUES (?, ?, ?, ?, ?, ?);

-- settle_fork --
-- The proof is kept no longer, or in another form.
DELETE FROM forks WHERE thread = ? AND device = ? AND incarnation = ? AND n = ?;

-- put_effect --
-- A consequence still to be drawn, or its next attempt.
INSERT INTO effects (thread, cause, reaction, final, attempts, due_ms) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (thread, cause, reaction) DO UPDATE SET final = excluded.final, attempts = excluded.attempts,
    due_ms = excluded.due_ms;

-- settle_effect --
-- The consequence was drawn.
DELETE FROM effects WHERE thread = ? AND cause = ? AND reaction = ?;

-- put_outbox --
-- A peer lacks something of a thread, or the next attempt to tell it.
INSERT INTO outbox (peer, thread, attempts, due_ms) VALUES (?, ?, ?, ?)
ON CONFLICT (peer, thread) DO UPDATE SET attempts = excluded.attempts, due_ms = excluded.due_ms
WHERE attempts <> excluded.attempts OR due_ms <> excluded.due_ms;

-- settle_outbox --
-- The peer has all of the thread.
DELETE FROM outbox WHERE peer = ? AND thread = ?;

-- add_done --
-- The first result of a command; the unique index refuses a second.
INSERT INTO done (thread, key, result) VALUES (?, ?, ?);

-- erase_payloads --
-- What an event held is gone, salts and all.
DELETE FROM payloads WHERE thread = ? AND id = ?;

-- drop_event --
-- An event of a closed thread is kept no longer.
DELETE FROM events WHERE thread = ? AND id = ?;

-- put_value --
-- A small thing kept by bucket and key.
INSERT INTO kept (bucket, key, content) VALUES (?, ?, ?)
ON CONFLICT (bucket, key) DO UPDATE SET content = excluded.content;

-- delete_value --
-- The thing is kept no longer.
DELETE FROM kept WHERE bucket = ? AND key = ?;

-- thread --
-- One thread.
SELECT thread, machine, members, heads, fold, length FROM threads WHERE thread = ?;

-- threads --
-- All threads and books.
SELECT thread, machine, members, heads, fold, length FROM threads ORDER BY thread;

-- events --
-- The events of a thread in the order in which they came here.
SELECT thread, id, author, device, incarnation, n, position, header, signature FROM events
WHERE thread = ? AND position > ? ORDER BY position LIMIT ?;

-- event --
-- One event by its id.
SELECT thread, id, author, device, incarnation, n, position, header, signature FROM events
WHERE thread = ? AND id = ?;

-- chain --
-- The event at one place of a device's chain.
SELECT thread, id, author, device, incarnation, n, position, header, signature FROM events
WHERE thread = ? AND author = ? AND device = ? AND incarnation = ? AND n = ?;

-- payloads --
-- Payloads of the events whose ids are in a JSON array.
SELECT thread, id, slot, salt, content FROM payloads
WHERE thread = ? AND id IN (SELECT value FROM json_each(?)) ORDER BY id, slot;

-- pending --
-- Events of a thread that wait for their parents.
SELECT thread, id, author, device, incarnation, n, envelope FROM pending WHERE thread = ? ORDER BY device, n, id;

-- forks --
-- Proofs of forks, of one thread or (NULL) of all.
SELECT thread, device, incarnation, n, first, second FROM forks
WHERE ?1 IS NULL OR thread = ?1 ORDER BY thread, device, incarnation, n;

-- effects --
-- Consequences still to be drawn, the earliest first.
SELECT thread, cause, reaction, final, attempts, due_ms FROM effects ORDER BY due_ms, rowid;

-- outbox --
-- What peers still lack, the earliest first.
SELECT peer, thread, attempts, due_ms FROM outbox ORDER BY due_ms, rowid;

-- done --
-- The remembered result of a command.
SELECT result FROM done WHERE thread = ? AND key = ?;

-- value --
-- One kept thing.
SELECT content FROM kept WHERE bucket = ? AND key = ?;

-- values --
-- All kept things of a bucket.
SELECT key, content FROM kept WHERE bucket = ? ORDER BY key;
