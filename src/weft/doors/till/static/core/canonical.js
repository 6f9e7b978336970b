// Canonical bytes: JSON in the restricted RFC 8785 profile of basis/canonical.py, base64url and digests with a domain.
// No fractions, |integer| < 2^53, ASCII keys, no lone surrogates, depth at most 32.
import { WeftError } from "./errors.js";

export const DEPTH_MAX = 32;
const ASCII = /^[\x00-\x7f]*$/;
const LONE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const BASE64URL = /^[A-Za-z0-9_-]*$/;
const utf8 = new TextEncoder();

/** Canonical JSON of `value` as text; throws `canonical.…` outside the profile. */
export function text(value, depth = 0) {
  if (value === null || value === true || value === false) return String(value);
  if (typeof value === "string") return quoted(value);
  if (typeof value === "number") return whole(value);
  if (typeof value !== "object") throw new WeftError("canonical.type", { type: typeof value });
  if (depth >= DEPTH_MAX) throw new WeftError("canonical.too-deep", { limit: DEPTH_MAX });
  if (Array.isArray(value)) return "[" + value.map((one) => text(one, depth + 1)).join(",") + "]";
  return "{" + Object.keys(value).sort().map((key) => named(key) + ":" + text(value[key], depth + 1)).join(",") + "}";
}

/** Canonical bytes of `value`. */
export function encode(value) {
  return utf8.encode(text(value));
}

/** The value of canonical `data` (bytes); throws when they are not their own re-encoding. */
export function decode(data) {
  let value, given;
  try {
    given = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(data);
    value = JSON.parse(given);
  } catch {
    throw new WeftError("canonical.not-json", { at: 0 });
  }
  if (text(value) !== given) throw new WeftError("canonical.not-canonical");
  return value;
}

function quoted(value) {
  if (LONE.test(value)) throw new WeftError("canonical.not-encodable");
  return JSON.stringify(value);
}

function whole(value) {
  if (!Number.isInteger(value) || Object.is(value, -0)) throw new WeftError("canonical.type", { type: "float" });
  if (!Number.isSafeInteger(value)) throw new WeftError("canonical.integer-range");
  return String(value);
}

function named(key) {
  if (!ASCII.test(key)) throw new WeftError("canonical.key");
  return JSON.stringify(key);
}

/** base64url without padding (RFC 4648 section 5) of bytes. */
export function b64(bytes) {
  let binary = "";
  for (let at = 0; at < bytes.length; at += 8192) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/** Bytes of canonical base64url `given`; throws `canonical.base64` on other spellings or another `length`. */
export function unb64(given, length = null) {
  const plain = typeof given === "string" && BASE64URL.test(given) && given.length % 4 !== 1;
  if (!plain) throw new WeftError("canonical.base64");
  const binary = atob(given.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = Uint8Array.from(binary, (one) => one.charCodeAt(0));
  if (b64(bytes) !== given || (length !== null && bytes.length !== length)) throw new WeftError("canonical.base64");
  return bytes;
}

/** Whether `given` is the canonical base64url of `length` bytes. */
export function isNamed(given, length) {
  try {
    unb64(given, length);
    return true;
  } catch {
    return false;
  }
}

/** SHA-256 over `domain`, a zero byte and `parts` (bytes); a promise of 32 bytes. */
export async function digest(domain, ...parts) {
  const pieces = [utf8.encode(domain), new Uint8Array(1), ...parts];
  const joined = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}
