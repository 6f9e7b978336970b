// Slips (小票): canonical bytes, hash, signature, and the text for a QR code; as weft/till/slip.py and qr.py.
// A slip is a plain object with only those fields that differ from their default; `Signed` is {slip, signature}.
import * as canonical from "./canonical.js";
import { WeftError } from "./errors.js";
import { shaped, spelled } from "./form.js";

export const DOMAIN = "slip/1";
export const LIFE_BYTES = 8;
export const SLIP_BYTES_MAX = 64 * 1024;
export const TEXT_MAX = 2331; // a QR code of version 40, level M, bytes
const PREFIX = "WEFT-SLIP:";
const VERSION = "1";
const TEXT = /^WEFT-SLIP:([0-9]{1,4})\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/;

/** A slip of `fields`, with defaults left out; throws slip.shape. */
export function make(fields) {
  return spelled(shaped({ weft: DOMAIN, ...fields }));
}

/** A new name for a till's memory: 8 random bytes. */
export function newLife() {
  return canonical.b64(crypto.getRandomValues(new Uint8Array(LIFE_BYTES)));
}

/** Canonical bytes of `slip`. */
export function bytesOf(slip) {
  return canonical.encode(spelled(slip));
}

/** A promise of the 32 bytes that are signed. */
export function digestOf(slip) {
  return canonical.digest(DOMAIN, bytesOf(slip));
}

/** A promise of the name of `slip`: 43 characters of base64url. */
export async function hashOf(slip) {
  return canonical.b64(await digestOf(slip));
}

/** A promise of what people read to each other: four digits of the till's memory and n, such as "3F9A-17". */
export async function numberOf(slip) {
  const memory = await canonical.digest("till-name/1", new TextEncoder().encode(`${slip.till}/${slip.life}`));
  const digits = Array.from(memory.subarray(0, 2), (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${digits.toUpperCase()}-${slip.n}`;
}

/** `slip` signed by the till's `key` (of signature.js); a promise of {slip, signature}. */
export async function sign(slip, key) {
  if (key.public !== slip.till) throw new WeftError("slip.key");
  return { slip, signature: canonical.b64(await key.sign(await digestOf(slip))) };
}

/** The slip in its canonical `data`; throws slip.too-large, slip.shape, slip.spelling or canonical.…. */
export function parse(data) {
  if (data.length > SLIP_BYTES_MAX) throw new WeftError("slip.too-large", { limit: SLIP_BYTES_MAX });
  const slip = shaped(canonical.decode(data));
  if (canonical.text(spelled(slip)) !== canonical.text(slip)) throw new WeftError("slip.spelling");
  return slip;
}

/** What travels to the node: canonical bytes of {signature, slip}. */
export function wire(signed) {
  return canonical.encode({ signature: signed.signature, slip: spelled(signed.slip) });
}

/** A promise of the text of `signed` for a QR code; rejects with slip.qr-too-long when none holds it. */
export async function qrText(signed) {
  const packed = await through(bytesOf(signed.slip), new CompressionStream("deflate-raw"), Infinity);
  const text = `${PREFIX}${VERSION}.${canonical.b64(packed)}.${signed.signature}`;
  if (text.length > TEXT_MAX) throw new WeftError("slip.qr-too-long", { length: text.length, limit: TEXT_MAX });
  return text;
}

/** A promise of the slip in `text`; nothing of it is verified. Rejects with slip.qr-not-one, -version, -damaged, …. */
export async function fromQr(text) {
  const parts = text.length <= 2 * TEXT_MAX ? TEXT.exec(text.trim()) : null;
  if (parts === null) throw new WeftError("slip.qr-not-one");
  const [, version, packed, signature] = parts;
  if (version !== VERSION) throw new WeftError("slip.qr-version", { version });
  return { slip: parse(await inflated(packed)), signature };
}

async function inflated(packed) {
  try {
    return await through(canonical.unb64(packed), new DecompressionStream("deflate-raw"), SLIP_BYTES_MAX);
  } catch (error) {
    if (error instanceof WeftError && error.code === "slip.too-large") throw error;
    throw new WeftError("slip.qr-damaged");
  }
}

/** `data` through a stream that packs or unpacks; what comes out is counted while it comes. */
async function through(data, stream, limit) {
  const writer = stream.writable.getWriter();
  const wrote = writer.write(data).then(() => writer.close());
  wrote.catch(() => {}); // told by the reader
  const reader = stream.readable.getReader(), pieces = [];
  let size = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    size += value.length;
    if (size > limit) {
      await reader.cancel();
      throw new WeftError("slip.too-large", { limit });
    }
    pieces.push(value);
  }
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
