// Returns (退货): lines of an earlier slip of sale taken back, never more than was sold; as weft/till/returns.py.
import { WeftError, asFinding, found } from "./errors.js";
import { by, decimal, fraction, fractionOf, isLess, plain, plus, positive, rounded, times } from "./exact.js";
import { filled, spelled } from "./form.js";
import { hashOf } from "./slip.js";
import * as totals from "./totals.js";

const ZERO = fraction(0n);
const SAME = ["firm", "currency", "basis", "book", "attributes", "off_book"];
const PLACES = 18;

/** For each line of `sale` how much was not yet taken back by the returns `earlier`; a promise of texts. */
export async function left(sale, earlier) {
  const taken = await takenBack(sale, earlier);
  return sale.lines.map((line, at) => text(less(fractionOf(line.quantity), taken[at])));
}

/**
 * The lines of a return of `wanted`, [line of the sale from 1, quantity] each; a promise.
 * Throws slip.return-of, slip.return-line, slip.return-too-much, quantity.malformed, quantity.not-positive.
 */
export async function lines(sale, earlier, wanted) {
  const whole = filled(sale);
  if (whole.kind !== "sale") throw new WeftError("slip.return-of");
  const taken = await takenBack(sale, earlier);
  return wanted.map(([sold, given]) => {
    if (sold < 1 || sold > whole.lines.length) {
      throw new WeftError("slip.return-line", { line: sold, lines: whole.lines.length });
    }
    const line = whole.lines[sold - 1], had = fractionOf(line.quantity), before = taken[sold - 1];
    const after = plus(before, positive(given, "quantity"));
    if (isLess(had, after)) {
      throw new WeftError("slip.return-too-much", { line: sold, value: given, left: text(less(had, before)) });
    }
    taken[sold - 1] = after;
    return part(whole, line, sold, given, difference(share(whole, line, after), share(whole, line, before)));
  });
}

/** What is wrong with the return `slip`, knowing the `sale` it names and the returns before it; a promise. */
export async function check(slip, sale, earlier) {
  const [one, other] = [filled(slip), filled(sale)];
  if (one.kind !== "return" || other.kind !== "sale" || one.of !== await hashOf(sale)) return [found("return-of")];
  const differing = SAME.filter((where) => !isEqual(one[where], other[where]));
  if (differing.length > 0) return differing.map((where) => found("return-other", { where }));
  let due;
  try {
    due = await lines(sale, earlier, one.lines.map((line) => [line.sold, line.quantity]));
  } catch (error) {
    return [asFinding(error)];
  }
  return one.lines.flatMap((line, at) => {
    if (isEqual(line, filled({ lines: [due[at]] }).lines[0])) return [];
    return [found("return-amount", { line: at + 1, told: line.gross, expected: due[at].gross })];
  });
}

async function takenBack(sale, earlier) {
  const taken = sale.lines.map(() => ZERO), name = await hashOf(sale);
  for (const slip of earlier) {
    if (slip.kind !== "return" || slip.of !== name) continue;
    for (const line of slip.lines) {
      if (line.sold >= 1 && line.sold <= taken.length) {
        taken[line.sold - 1] = plus(taken[line.sold - 1], fractionOf(line.quantity));
      }
    }
  }
  return taken;
}

/** What `count` of `line` come to, rounded as the line itself was. */
function share(sale, line, count) {
  const money = totals.read(line, sale.currency);
  const whole = fraction(sale.basis === "gross" ? money.gross : money.net);
  const units = rounded(by(times(count, whole), fractionOf(line.quantity)), 0);
  return totals.taxed(units, sale.basis, line.tax_percent);
}

function difference(after, before) {
  return { net: after.net - before.net, tax: after.tax - before.tax, gross: after.gross - before.gross };
}

function part(sale, line, sold, given, worth) {
  const { units, places } = decimal(given);
  const made = { ...line, ...totals.told(worth, sale.currency), quantity: plain(units, places), sold };
  return spelled({ lines: [made] }).lines[0];
}

function less(one, other) {
  return plus(one, { n: -other.n, d: other.d });
}

/** A fraction that ends within 18 places, as text. */
function text(value) {
  return plain(value.n * 10n ** BigInt(PLACES) / value.d, PLACES);
}

function isEqual(one, other) {
  if (typeof one !== "object" || one === null) return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key]);
}
