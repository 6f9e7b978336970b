// The till's key: Ed25519 (RFC 8032) by WebCrypto, made in this browser and never to leave it; and verifying.
// The private half is not extractable and rests in IndexedDB; who clears the browser's data needs a new till.
import { b64, unb64 } from "./canonical.js";
import { isSmall, isSound } from "./curve.js";
import { WeftError } from "./errors.js";

export const SIGNATURE_BYTES = 64;
const NAME = "Ed25519";
const DATABASE = "weft-till-key";
const STORE = "keys";

/**
 * Whether this browser can be a till; resolves, or throws with how to mend it:
 * till.browser-insecure (not over HTTPS), till.browser-storage, till.browser-old (no Ed25519 or no compression).
 */
export async function check() {
  if (!globalThis.isSecureContext || !globalThis.crypto?.subtle) throw new WeftError("till.browser-insecure");
  if (typeof globalThis.indexedDB === "undefined") throw new WeftError("till.browser-storage");
  try {
    await crypto.subtle.generateKey(NAME, false, ["sign", "verify"]);
    new CompressionStream("deflate-raw");
    [0n].findLastIndex((one) => one === 0n);
  } catch {
    throw new WeftError("till.browser-old");
  }
}

/**
 * The key named `name` of this browser, made if there is none: {public, sign(bytes) -> promise of 64 bytes}.
 * Two pages that ask at once get one key.
 */
export async function key(name = "till") {
  await check();
  return (await stored(name)) ?? (await made(name));
}

/** The key named `name`, or null when this browser has none (any more). */
export async function stored(name = "till") {
  const found = await inStore("readonly", (store) => store.get(name));
  return found ? signer(found) : null;
}

async function made(name) {
  const pair = await crypto.subtle.generateKey(NAME, false, ["sign", "verify"]);
  const raw = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const held = { public: b64(raw), private: pair.privateKey };
  try {
    await inStore("readwrite", (store) => store.add(held, name));
  } catch (error) {
    const first = await stored(name); // another page was first
    if (first === null) throw error;
    return first;
  }
  return signer(held);
}

function signer(held) {
  return {
    public: held.public,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign(NAME, held.private, message)),
  };
}

/** Forgets the key named `name`: this browser is no till any more. */
export function forget(name = "till") {
  return inStore("readwrite", (store) => store.delete(name));
}

/** Whether `made` (bytes) over `message` was signed by the key `name` (base64url); weak keys verify nothing. */
export async function verify(name, message, made) {
  if (made.length !== SIGNATURE_BYTES || !isSound(name) || isSmall(made.subarray(0, 32))) return false;
  try {
    const known = await crypto.subtle.importKey("raw", unb64(name, 32), NAME, false, ["verify"]);
    return await crypto.subtle.verify(NAME, known, made, message);
  } catch {
    return false;
  }
}

/** One request `ask` of the store of keys; resolves when its transaction is durable. */
async function inStore(mode, ask) {
  const database = await opened();
  try {
    return await new Promise((done, failed) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const request = ask(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(request.result);
      transaction.onabort = () => failed(transaction.error ?? new WeftError("till.browser-storage"));
    });
  } finally {
    database.close();
  }
}

function opened() {
  return new Promise((done, failed) => {
    let request;
    try {
      request = indexedDB.open(DATABASE, 1);
    } catch { // a browser that may keep nothing refuses at once
      failed(new WeftError("till.browser-storage"));
      return;
    }
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(new WeftError("till.browser-storage"));
  });
}
