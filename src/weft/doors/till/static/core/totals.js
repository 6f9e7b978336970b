// Money of a slip in whole minor units, rounded half up for each line; what weft/till/totals.py does.
import { WeftError, cut } from "./errors.js";
import { MINOR_UNITS, decimal, fraction, fractionOf, positive, rounded, times, by, written } from "./exact.js";
import { split } from "./price.js";

/** Minor units (BigInt) in `given`; throws slip.money unless it has the currency's full minor digits. */
export function minor(given, currency) {
  const places = MINOR_UNITS[currency];
  try {
    const { units, places: had } = decimal(given);
    const scaled = units * 10n ** BigInt(places) / 10n ** BigInt(had);
    if (written(scaled, places) === given) return scaled;
  } catch { /* told below */ }
  throw new WeftError("slip.money", { value: cut(String(given), 40), currency });
}

/** `units` minor units with all the digits of the currency. */
export function money(units, currency) {
  return written(units, MINOR_UNITS[currency]);
}

/** What `count` come to at `unitPrice` per `base`, rounded; for a price that was made at the counter. */
export function amount(count, unitPrice, base, currency) {
  const exact = by(times(positive(count), fractionOf(unitPrice)), fraction(BigInt(base)));
  if (exact.n < 0n) throw new WeftError("slip.money", { value: cut(unitPrice, 40), currency });
  return money(rounded(exact, MINOR_UNITS[currency]), currency);
}

/** A line's amount of `units` in `basis` with its tax: {net, tax, gross} in minor units. */
export function taxed(units, basis, percent) {
  const [net, tax] = split(units, basis, fractionOf(percent));
  return { net, tax, gross: net + tax };
}

/** The amounts of a line, a slip or a rate; throws slip.money. */
export function read(one, currency) {
  return { net: minor(one.net, currency), tax: minor(one.tax, currency), gross: minor(one.gross, currency) };
}

/** The sum of `parts`. */
export function total(parts) {
  const sum = { net: 0n, tax: 0n, gross: 0n };
  for (const one of parts) {
    sum.net += one.net;
    sum.tax += one.tax;
    sum.gross += one.gross;
  }
  return sum;
}

/** Whether two sums are equal. */
export function isSame(one, other) {
  return one.net === other.net && one.tax === other.tax && one.gross === other.gross;
}

/** `parts` as text. */
export function told(parts, currency) {
  return { net: money(parts.net, currency), tax: money(parts.tax, currency), gross: money(parts.gross, currency) };
}

/** [category, percent, sums] rows summed for each rate, in the order of category and percent. */
export function byRate(rows, currency) {
  const sums = new Map();
  for (const [category, percent, parts] of rows) {
    const key = JSON.stringify([category, percent]);
    const before = sums.get(key);
    sums.set(key, { category, percent, parts: before ? total([before.parts, parts]) : parts });
  }
  const ordered = [...sums.values()].map((one) => ({ ...one, rate: fractionOf(one.percent, "tax_percent") }));
  ordered.sort((one, other) => inOrder(one, other));
  return ordered.map(({ category, percent, parts }) => (
    { tax_category: category, tax_percent: percent, ...told(parts, currency) }));
}

function inOrder(one, other) {
  if (one.category !== other.category) return one.category < other.category ? -1 : 1;
  const left = one.rate.n * other.rate.d, right = other.rate.n * one.rate.d;
  return left < right ? -1 : Number(left > right);
}
