// Exact numbers: decimals as text, fractions of BigInt, rounding half up; what basis/quantity.py and fractions do.
import { WeftError, cut } from "./errors.js";

export const DIGITS_MAX = 18;
export const UNITS = new Set(
  "C62 EA PCE KGM GRM TNE MTR MMT CMT MTK LTR MLT SET PR NPR BX MIN HUR SEC DAY KWH RO NRL MTQ".split(" "));
export const MINOR_UNITS = { CNY: 2, EUR: 2, USD: 2, GBP: 2, CHF: 2, HKD: 2, JPY: 0, KRW: 0, TWD: 2 };
const PLAIN = /^(-?)(0|[1-9][0-9]{0,30})(?:\.([0-9]{1,30}))?$/;
const EXACT_PLACES = 12;

/** Whether a till knows `currency`. */
export function isCurrency(currency) {
  return Object.hasOwn(MINOR_UNITS, currency);
}

/** The decimal in `given` as {units, places}: units / 10^places; throws `quantity.malformed`. */
export function decimal(given, where = "") {
  const parts = typeof given === "string" ? PLAIN.exec(given) : null;
  if (parts !== null) {
    const [, sign, above, below = ""] = parts;
    const digits = (above + below).replace(/^0+(?=.)/, "");
    if (digits.length <= DIGITS_MAX && Math.abs(digits.length - 1 - below.length) <= DIGITS_MAX) {
      return { units: BigInt(sign + digits), places: below.length };
    }
  }
  throw new WeftError("quantity.malformed", { value: cut(String(given), 40), where });
}

/** The decimal in `given` as a fraction. */
export function fractionOf(given, where = "") {
  const { units, places } = decimal(given, where);
  return fraction(units, 10n ** BigInt(places));
}

/** `fractionOf`, above zero; throws `quantity.not-positive`. */
export function positive(given, where = "") {
  const value = fractionOf(given, where);
  if (value.n <= 0n) throw new WeftError("quantity.not-positive", { value: given, where });
  return value;
}

/** n/d in lowest terms, d above zero. */
export function fraction(n, d = 1n) {
  const shared = divisor(n < 0n ? -n : n, d);
  return shared === 1n ? { n, d } : { n: n / shared, d: d / shared };
}

function divisor(one, other) {
  while (other !== 0n) [one, other] = [other, one % other];
  return one === 0n ? 1n : one;
}

export function plus(one, other) {
  return fraction(one.n * other.d + other.n * one.d, one.d * other.d);
}

export function times(one, other) {
  return fraction(one.n * other.n, one.d * other.d);
}

/** `one` by `other`, which is above zero. */
export function by(one, other) {
  return fraction(one.n * other.d, one.d * other.n);
}

/** Whether `one` is below `other`. */
export function isLess(one, other) {
  return one.n * other.d < other.n * one.d;
}

/** `value`, not below zero, in units of the last of `places` decimals, half up (四舍五入). */
export function rounded(value, places) {
  return (2n * value.n * 10n ** BigInt(places) + value.d) / (2n * value.d);
}

/** `units` of the last of `places` decimals, with all places written: "-0.05". */
export function written(units, places) {
  const sign = units < 0n ? "-" : "";
  const digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
  if (places === 0) return sign + digits;
  return sign + digits.slice(0, -places) + "." + digits.slice(-places);
}

/** `units` of the last of `places` decimals in the one spelling: no zeros at the end, no "-0". */
export function plain(units, places) {
  const told = written(units, places);
  return places === 0 ? told : told.replace(/\.?0+$/, "").replace(/^-0$/, "0");
}

/** Whether `given` is the one spelling of a number not below zero, with at most `places` decimals. */
export function isPlain(given, places) {
  try {
    const value = decimal(given);
    return value.units >= 0n && value.places <= places && plain(value.units, value.places) === given;
  } catch {
    return false;
  }
}

/** `value` as a decimal where it ends within 12 places, else as n/d. */
export function told(value) {
  const scaled = value.n * 10n ** BigInt(EXACT_PLACES);
  if (scaled % value.d !== 0n) return `${value.n}/${value.d}`;
  return plain(scaled / value.d, EXACT_PLACES);
}
