// How far this device's clock is from that of the firm's computer; who sells is told when it is far.
// Rule 1: a wrong clock stops no sale and loses no slip: the slip says what the clock said, and the owner is told.
// Rule 2: no moment before the last that the firm's computer told is believed: a clock that fell back to its first day
// would sell by books of that day, or by none.
// Not here: the price books of a moment (shop.js), what the node makes of a strange time (engine/till/oddities.py).
export const FAR_MS = 15 * 60_000;
let known = 0; // the latest moment that the node has told
let heardAt = null; // {ahead, date, since}: by how much we were ahead when we heard it, and when that was, by two clocks

/** The node said that it is `nodeMs` while our clock said `ownMs`. */
export function heard(nodeMs, ownMs = Date.now()) {
  if (!Number.isFinite(nodeMs)) return;
  known = Math.max(known, nodeMs);
  heardAt = { ahead: ownMs - nodeMs, date: ownMs, since: performance.now() };
}

/** What was kept of it from an earlier time. */
export function remembered(nodeMs) {
  if (Number.isFinite(nodeMs)) known = Math.max(known, nodeMs);
}

/** The latest moment that the node has told. */
export const last = () => known;

/** Now, in ms: by our clock, but not before what is known to be past. */
export const now = () => (isBehind() ? known : Date.now());

const isBehind = () => Date.now() < known - FAR_MS;

/** By how many ms our clock is ahead (below zero: behind); 0 when it is right, or when nobody can tell. */
export function off() {
  if (isBehind()) return Date.now() - known;
  if (heardAt === null) return 0;
  const jumped = Date.now() - heardAt.date - (performance.now() - heardAt.since); // it was set meanwhile
  const ahead = heardAt.ahead + (Math.abs(jumped) > FAR_MS ? jumped : 0);
  return Math.abs(ahead) > FAR_MS ? ahead : 0;
}
