// Whether 32 bytes are an Ed25519 key that may be trusted: a canonical point of the main subgroup (RFC 8032, 5.1).
// Browsers verify with keys of small or mixed order, under which one signature may fit many messages.
import { unb64 } from "./canonical.js";

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const ROOT_OF_MINUS_ONE = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;
const NEUTRAL = [0n, 1n, 1n, 0n];
const KEPT_MAX = 200;
const kept = new Map();

/** Whether `name` (base64url) is a key at all: 32 bytes, canonical, on the curve, of the main subgroup. */
export function isSound(name) {
  if (!kept.has(name)) {
    if (kept.size >= KEPT_MAX) kept.clear();
    kept.set(name, judged(name));
  }
  return kept.get(name);
}

/** Whether a signature begins with a point of small order, as no signer makes it. */
export function isSmall(bytes) {
  const found = point(bytes);
  return found !== null && isNeutral(multiplied(8n, found));
}

function judged(name) {
  let bytes;
  try {
    bytes = unb64(name, 32);
  } catch {
    return false;
  }
  const found = point(bytes);
  return found !== null && !isNeutral(found) && isNeutral(multiplied(ORDER, found));
}

/** The point that 32 bytes spell, in extended coordinates (x, y, z, xy/z); null when they spell none. */
function point(bytes) {
  let number = 0n;
  for (let at = 31; at >= 0; at -= 1) number = (number << 8n) | BigInt(bytes[at]);
  const y = number & (2n ** 255n - 1n), sign = number >> 255n;
  if (y >= P) return null;
  const above = mod(y * y - 1n), below = mod(D * y * y + 1n);
  const square = mod(above * power(below, P - 2n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * ROOT_OF_MINUS_ONE);
  if (mod(x * x) !== square || (x === 0n && sign === 1n)) return null;
  if ((x & 1n) !== sign) x = P - x;
  return [x, y, 1n, mod(x * y)];
}

function mod(value) {
  const rest = value % P;
  return rest < 0n ? rest + P : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = mod(result * base);
    base = mod(base * base);
  }
  return result;
}

/** The sum of two points (RFC 8032 section 5.1.4; complete, so it doubles as well). */
function sum([x1, y1, z1, t1], [x2, y2, z2, t2]) {
  const a = mod((y1 - x1) * (y2 - x2)), b = mod((y1 + x1) * (y2 + x2));
  const c = mod(2n * D * t1 * t2), d = mod(2n * z1 * z2);
  const e = b - a, f = d - c, g = d + c, h = b + a;
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function multiplied(number, one) {
  let total = NEUTRAL;
  for (; number > 0n; number >>= 1n) {
    if (number & 1n) total = sum(total, one);
    one = sum(one, one);
  }
  return total;
}

function isNeutral([x, y, z]) {
  return x === 0n && y === z;
}
