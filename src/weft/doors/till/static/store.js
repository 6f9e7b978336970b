// What the till keeps: itself, the last snapshot of the shop, the basket, and every slip. IndexedDB, on this device.
// Rule 1: a slip and the head of its chain are written in one transaction that is on the disk before anybody sees it.
// Rule 2: a slip is never overwritten: a second one at its place is refused by the store itself.
// Not here: the key (core/signature.js), what a slip says (core/slip.js).
import { WeftError } from "./core/errors.js";

const NAME = "weft-till";
const DURABLE = { durability: "strict" };
const ROOM = 64 * 1024; // bytes: as much as a slip may have, and what is written beside it
let database = null;

/** Open the store, once; `lost` is called when the browser takes it away while we run. */
export async function open(lost = () => {}) {
  database ??= await new Promise((done, failed) => {
    const request = begun();
    if (request === null) return failed(new WeftError("till.browser-storage"));
    request.onupgradeneeded = () => {
      request.result.createObjectStore("self");
      const slips = request.result.createObjectStore("slips", { keyPath: ["life", "n"] });
      slips.createIndex("hash", "hash");
      slips.createIndex("at", "at");
      slips.createIndex("waiting", ["waiting", "order"]);
      slips.createIndex("of", "of");
    };
    request.onsuccess = () => {
      request.result.onclose = lost;
      done(request.result);
    };
    request.onerror = () => failed(new WeftError(isFull(request.error) ? "till.browser-full" : "till.browser-storage"));
    return undefined;
  });
}

function begun() {
  try {
    return indexedDB.open(NAME, 1);
  } catch {
    return null; // refused at once, as some browsers do in private windows
  }
}

const isFull = (error) => error?.name === "QuotaExceededError";

/** Whether a slip can be written now: as much as one may have is written and taken out again; rejects when it cannot. */
export const room = () => within(["self"], "readwrite", (stores, finish) => {
  stores.self.put(crypto.getRandomValues(new Uint8Array(ROOM)), "room");
  stores.self.delete("room").onsuccess = () => finish(true);
});

/** Everything under `name`, or undefined. */
export const get = (name) => once("self", "readonly", (stores) => stores.self.get(name));

/** Keep `value` under `name`. */
export const put = (name, value) => once("self", "readwrite", (stores) => stores.self.put(value, name));

/** The same for what may be lost with the power: the disk need not be waited for. */
export const putLightly = (name, value) => within(["self"], "readwrite", (stores, finish) => {
  stores.self.put(value, name).onsuccess = () => finish(value);
}, { durability: "relaxed" });

/**
 * Keep `rows` as the next slips of the chain: only if `head` is still the head, together with `values` of what else
 * changes with them; a sale only if its `basket` (id) still lies there, so that one basket is sold once.
 * Resolves when it is on the disk; false when another page, or another press of the button, was first.
 */
export function append(rows, head, values, basket = null) {
  return within(["self", "slips"], "readwrite", (stores, finish) => {
    const lying = stores.self.get("basket"), asked = stores.self.get("chain");
    asked.onsuccess = () => {
      const now = asked.result ?? null;
      if ((now?.life ?? "") !== (head?.life ?? "") || (now?.n ?? 0) !== (head?.n ?? 0)) return finish(false);
      if (basket !== null && lying.result?.id !== basket) return finish(false);
      for (const row of rows) stores.slips.add(row);
      for (const [name, value] of Object.entries(values)) stores.self.put(value, name);
      finish(true);
    };
  });
}

/** The slips that the node does not have yet, in the order in which they were made; at most `count`. */
export const waiting = (count) => once("slips", "readonly", (stores) =>
  stores.slips.index("waiting").getAll(IDBKeyRange.bound([1, 0], [1, Infinity]), count));

/** How many the node does not have yet. */
export const waitingCount = () => once("slips", "readonly", (stores) =>
  stores.slips.index("waiting").count(IDBKeyRange.bound([1, 0], [1, Infinity])));

/** The node has every slip of `life` up to `n`, and none behind it: what is there is no longer (or again) waiting. */
export function settle(life, n) {
  return within(["slips"], "readwrite", (stores, finish) => {
    let changed = 0;
    const mark = (request, isMeant, waiting) => {
      request.onsuccess = () => {
        const at = request.result;
        if (!at) return;
        if (at.value.life === life && isMeant(at.value.n) && at.value.waiting !== waiting) {
          at.update({ ...at.value, waiting });
          finish(changed += 1);
        }
        at.continue();
      };
    };
    finish(changed);
    mark(stores.slips.index("waiting").openCursor(IDBKeyRange.bound([1, 0], [1, Infinity])), (one) => one <= n, 0);
    mark(stores.slips.openCursor(IDBKeyRange.bound([life, n], [life, Infinity], true)), () => true, 1);
  });
}

/** The slip with `hash`, or undefined. */
export const slipOf = (hash) => once("slips", "readonly", (stores) => stores.slips.index("hash").get(hash));

/** The slip at place `n` of `life`. */
export const slipAt = (life, n) => once("slips", "readonly", (stores) => stores.slips.get([life, n]));

/** The returns of the sale `hash` that this till knows. */
export const returnsOf = (hash) => once("slips", "readonly", (stores) => stores.slips.index("of").getAll(hash));

/** The slips of one life from `n` on, in order. */
export const since = (life, n) => once("slips", "readonly", (stores) =>
  stores.slips.getAll(IDBKeyRange.bound([life, n], [life, Infinity])));

/** The slips made at `from` or later, newest first, at most `count`. */
export function latest(from, count) {
  return within(["slips"], "readonly", (stores, finish) => {
    const found = [];
    const cursor = stores.slips.index("at").openCursor(IDBKeyRange.lowerBound(from), "prev");
    cursor.onsuccess = () => {
      if (!cursor.result || found.length === count) return finish(found);
      found.push(cursor.result.value);
      cursor.result.continue();
    };
  });
}

/** Let go of slips that the node has had for long: made before `before`, and not of the last `life`. */
export function prune(before, life, keepFrom) {
  return within(["slips"], "readwrite", (stores, finish) => {
    let gone = 0;
    const cursor = stores.slips.index("at").openCursor(IDBKeyRange.upperBound(before, true));
    cursor.onsuccess = () => {
      const at = cursor.result;
      if (!at) return finish(gone);
      if (at.value.waiting === 0 && (at.value.life !== life || at.value.n < keepFrom)) {
        at.delete();
        gone += 1;
      }
      at.continue();
    };
  });
}

function once(name, mode, ask) {
  return within([name], mode, (stores, finish) => {
    const request = ask(stores);
    request.onsuccess = () => finish(request.result);
  });
}

/** What `work` finishes with, once its transaction is complete (and, when it wrote, on the disk). */
function within(names, mode, work, options = mode === "readwrite" ? DURABLE : undefined) {
  return new Promise((done, failed) => {
    const transaction = opened(names, mode, options);
    const stores = Object.fromEntries(names.map((name) => [name, transaction.objectStore(name)]));
    let result;
    transaction.oncomplete = () => done(result);
    transaction.onabort = () => failed(isFull(transaction.error) ? new WeftError("till.browser-full") : transaction.error);
    work(stores, (value) => { result = value; });
  });
}

function opened(names, mode, options) {
  try {
    return database.transaction(names, mode, options);
  } catch {
    throw new WeftError("till.browser-storage"); // the browser has closed it
  }
}
