// The day close (日结): counts, sums by way of payment and rate of tax, and the cash; as weft/till/closing.py.
import { WeftError, asFinding, found } from "./errors.js";
import { decimal, plain } from "./exact.js";
import { filled } from "./form.js";
import * as totals from "./totals.js";

export const WAYS = ["cash", "transfer", "account"];
const RATES_MAX = 40;
const PARTS = ["first", "sales", "returns", "ways", "rates", "cash"];

/**
 * The close of `slips`, all since the last one and in order, of which the first has number `first`.
 * `cash`: {opening, counted, removed} as text. Throws slip.money, slip.close-currency, -gap, -drawer.
 */
export function close(slips, currency, first, cash) {
  slips.forEach((slip, at) => {
    if (slip.currency !== currency) {
      throw new WeftError("slip.close-currency", { n: slip.n, currency: slip.currency, expected: currency });
    }
    if (slip.n !== first + at || slip.kind === "close") {
      throw new WeftError("slip.close-gap", { n: slip.n, expected: first + at });
    }
  });
  const ways = WAYS.filter((pay) => slips.some((slip) => slip.pay === pay)).map((pay) => wayOf(slips, pay, currency));
  return {
    first,
    sales: slips.filter((slip) => slip.kind === "sale").length,
    returns: slips.filter((slip) => slip.kind === "return").length,
    ways,
    rates: rates(slips, currency),
    cash: drawer(ways, currency, cash),
  };
}

/** What the drawer held after the close in `last` (a slip or null); "" when nobody knows. */
export function opening(last, currency) {
  return last && last.close && last.currency === currency ? last.close.cash.left : "";
}

/** What is wrong with the close in `slip`, knowing all `slips` since the close in `last` (null: the first). */
export function check(slip, slips, last) {
  const given = filled(slip).close;
  if (given === null) return [found("field", { where: "close", kind: slip.kind })];
  const first = last ? last.n + 1 : 1;
  let due;
  try {
    due = close(slips, slip.currency, first, given.cash);
  } catch (error) {
    return [asFinding(error)];
  }
  const wrong = PARTS.filter((where) => !isSame(given[where], due[where]));
  const faults = wrong.map((where) => found("close-sum", { where }));
  if (first + slips.length !== slip.n) faults.push(found("close-gap", { n: slip.n, expected: first + slips.length }));
  const before = opening(last, slip.currency);
  if (before && before !== given.cash.opening) {
    faults.push(found("close-opening", { told: given.cash.opening, expected: before }));
  }
  return faults;
}

/** What is wrong with a close (defaults filled in) taken alone; `n` is the number of its slip. */
export function findings(given, n, currency) {
  const faults = [], { first, sales, returns } = given;
  if (first < 1 || first > n || Math.min(sales, returns) < 0 || sales + returns !== n - first) {
    faults.push(found("close-count", { first, n }));
  }
  if (given.rates.length > RATES_MAX) return [...faults, found("too-many", { what: "rates", limit: RATES_MAX })];
  try {
    arithmetic(given, currency, faults);
  } catch (error) {
    faults.push(asFinding(error));
  }
  return faults;
}

function arithmetic(given, currency, faults) {
  const order = given.ways.map((way) => way.pay);
  const ordered = isSame(order, WAYS.filter((pay) => order.includes(pay)));
  const counts = { sales: 0, returns: 0 };
  let moved = 0n, isLess = false;
  for (const way of given.ways) {
    const [received, back] = movedBy(way, currency);
    counts.sales += way.sales;
    counts.returns += way.returns;
    moved += received - back;
    isLess ||= way.sales < 0 || way.returns < 0 || received < 0n || back < 0n;
  }
  if (!ordered || isLess || counts.sales !== given.sales || counts.returns !== given.returns) {
    faults.push(found("close-sum", { where: "ways" }));
  }
  const rows = given.rates.map((rate) => [rate.tax_category, rate.tax_percent, totals.read(rate, currency)]);
  const spelled = rows.every(([, percent]) => isSpelled(percent));
  const sums = rows.every(([, , parts]) => parts.net + parts.tax === parts.gross);
  const sum = totals.total(rows.map(([, , parts]) => parts)).gross;
  if (!spelled || !sums || moved !== sum || !isSame(totals.byRate(rows, currency), given.rates)) {
    faults.push(found("close-sum", { where: "rates" }));
  }
  if (!isSame(given.cash, drawer(given.ways, currency, given.cash))) faults.push(found("close-sum", { where: "cash" }));
}

function isSpelled(percent) {
  const { units, places } = decimal(percent);
  return plain(units, places) === percent;
}

/** Whether two pieces of a close are equal; both are lists, plain objects or values. */
function isSame(one, other) {
  if (typeof one !== "object") return one === other;
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isSame(one[key], other[key]));
}

function wayOf(slips, pay, currency) {
  const sums = { sale: [], return: [] };
  for (const slip of slips) if (slip.pay === pay) sums[slip.kind].push(totals.minor(slip.gross, currency));
  const summed = (list) => totals.money(list.reduce((sum, one) => sum + one, 0n), currency);
  return {
    pay, sales: sums.sale.length, returns: sums.return.length,
    received: summed(sums.sale), given_back: summed(sums.return),
  };
}

function movedBy(way, currency) {
  return [totals.minor(way.received, currency), totals.minor(way.given_back, currency)];
}

function rates(slips, currency) {
  const rows = [];
  for (const slip of slips) {
    for (const line of slip.lines ?? []) {
      const { net, tax, gross } = totals.read(line, currency);
      const signed = slip.kind === "return" ? { net: -net, tax: -tax, gross: -gross } : { net, tax, gross };
      rows.push([line.tax_category, line.tax_percent, signed]);
    }
  }
  return totals.byRate(rows, currency);
}

function drawer(ways, currency, cash) {
  const [opened, counted, removed] = ["opening", "counted", "removed"].map((one) => totals.minor(cash[one], currency));
  let moved = 0n;
  for (const way of ways) {
    if (way.pay !== "cash") continue;
    const [received, back] = movedBy(way, currency);
    moved += received - back;
  }
  if (opened < 0n || counted < 0n || counted - removed < 0n) throw new WeftError("slip.close-drawer");
  const money = (units) => totals.money(units, currency);
  return {
    opening: money(opened), expected: money(opened + moved), counted: money(counted),
    difference: money(counted - opened - moved), removed: money(removed), left: money(counted - removed),
  };
}
