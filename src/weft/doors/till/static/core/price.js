// The price: the same pure, total, exact function of a book and public attributes as pricing/evaluate.py.
// Who asks, where and when cannot enter. What it gives equals the node's to the last byte, its steps included.
import { WeftError, cut } from "./errors.js";
import * as canonical from "./canonical.js";
import {
  MINOR_UNITS, by, fraction, fractionOf, isCurrency, isLess, plain, plus, positive, rounded, times, told, written,
} from "./exact.js";

export const ATTRIBUTES = ["zone", "lead_time", "payment_term", "packaging", "published_class"];
/** What a book is made of, as pricing/schema.py has it: a book with more is priced by rules that we do not know. */
export const FIELDS = {
  PriceBook: ["id", "name", "currency", "basis", "tax", "lines", "valid_from", "attributes", "rules", "valid_until",
    "notice_days", "disclosure", "attested", "cards"],
  Tax: ["category", "percent"], Line: ["item", "unit", "tiers", "base"], Tier: ["from", "price"],
  Rule: ["id", "when", "multiply", "add", "per", "name"], Condition: ["attribute", "one_of", "at_least", "below"],
};
const GIVEN = ["item", "quantity", "unit", "currency", ...ATTRIBUTES];
const PRICE_DECIMALS_MAX = 6;
const ZERO = fraction(0n);

/**
 * A book made ready for pricing, from its canonical bytes as the node sends them; a promise.
 * Throws pricing.shape, money.currency and canonical.…. Its hash names what was read; that the book is sound the node
 * has judged (pricing/form.py) before it sent it.
 */
export async function load(bytes) {
  const book = canonical.decode(bytes);
  declared(book, "PriceBook");
  declared(book.tax, "Tax");
  for (const line of book.lines ?? []) {
    declared(line, "Line");
    for (const tier of line.tiers) declared(tier, "Tier");
  }
  for (const rule of book.rules ?? []) {
    declared(rule, "Rule");
    for (const one of rule.when ?? []) declared(one, "Condition");
  }
  if (!isCurrency(book.currency)) throw new WeftError("money.currency", { value: cut(book.currency, 10), where: "" });
  const hash = canonical.b64(await canonical.digest("price-book/1", bytes));
  return ready(book, hash);
}

/** Throws pricing.shape unless `piece` is an object with fields of `kind` alone. */
function declared(piece, kind) {
  const isObject = typeof piece === "object" && piece !== null;
  const more = isObject ? Object.keys(piece).find((name) => !FIELDS[kind].includes(name)) : kind;
  if (more !== undefined) throw new WeftError("pricing.shape", { where: cut(more, 60), detail: kind });
}

function ready(book, hash) {
  const lines = new Map(), units = new Map();
  for (const line of book.lines ?? []) {
    lines.set(JSON.stringify([line.item, line.unit]), line);
    units.set(line.item, [...(units.get(line.item) ?? []), line.unit]);
  }
  return {
    book, hash, lines, units,
    offers: new Map(), // of the lines that were asked for: a book may have 20,000
    minor: MINOR_UNITS[book.currency],
    percent: fractionOf(book.tax.percent),
    allowed: new Map(Object.entries(book.attributes ?? {})),
    changes: (book.rules ?? []).map(change),
  };
}

function change(rule) {
  const [above, below] = (rule.multiply || "").split("/");
  return {
    name: rule.id,
    tests: (rule.when ?? []).map(condition),
    multiply: rule.multiply ? fraction(BigInt(above), BigInt(below)) : null,
    add: fractionOf(rule.add || "0"),
    perLine: rule.per === "line",
    told: rule.multiply || rule.add,
  };
}

function condition(one) {
  const values = new Set(one.one_of ?? []);
  if (one.attribute !== "quantity") return (chosen) => values.has(chosen[one.attribute]);
  const low = one.at_least ? fractionOf(one.at_least) : null;
  const high = one.below ? fractionOf(one.below) : null;
  return (_, amount) => (low === null || !isLess(amount, low)) && (high === null || isLess(amount, high));
}

/**
 * The price of `given` ({item, quantity, unit, …}) under `known` (of `load`), shaped as `Priced` of evaluate.py.
 * Throws till.custom for a part made to a drawing, pricing.unknown-item, -wrong-unit, -wrong-currency,
 * -attribute-value, -below-first-tier, -below-zero, quantity.malformed, quantity.not-positive.
 */
export function price(known, given) {
  const amount = positive(given.quantity, "quantity");
  if (given.currency && given.currency !== known.book.currency) {
    throw new WeftError("pricing.wrong-currency", { value: cut(given.currency, 10), expected: known.book.currency });
  }
  const offer = offered(known, given.item, given.unit);
  const values = chosen(known, given);
  const trace = [];
  const [unit, charge] = walk(known, offer, { item: given.item, ...values }, amount, trace);
  const line = plus(times(unit, amount), charge);
  if (unit.n < 0n || line.n < 0n) throw new WeftError("pricing.below-zero", { item: cut(given.item, 60) });
  const filled = {};
  for (const name of GIVEN) {
    const value = name === "currency" ? known.book.currency : values[name] ?? given[name] ?? "";
    if (value !== "" || name === "item" || name === "quantity" || name === "unit") filled[name] = value;
  }
  return taxed(known, filled, offer, [unit, charge, line], trace);
}

function offered(known, item, unit) {
  const name = JSON.stringify([item, unit]), line = known.lines.get(name);
  if (line !== undefined) {
    if (!known.offers.has(name)) known.offers.set(name, offerOf(line));
    return known.offers.get(name);
  }
  const sold = known.units.get(item);
  if (sold !== undefined) {
    throw new WeftError("pricing.wrong-unit", { item: cut(item, 60), value: cut(unit, 10), sold: sold.join(", ") });
  }
  if ((known.book.cards ?? []).some((card) => card.item === item)) {
    throw new WeftError("till.custom", { item: cut(item, 60) }); // its price is worked out in an offer
  }
  throw new WeftError("pricing.unknown-item", { item: cut(item, 60), book: known.book.id });
}

/** A line made ready: rising thresholds and the price per single unit from each. */
function offerOf(line) {
  const base = line.base ?? "1", whole = fraction(BigInt(base));
  return {
    base,
    starts: line.tiers.map((tier) => fractionOf(tier.from)),
    prices: line.tiers.map((tier) => by(fractionOf(tier.price), whole)),
    told: line.tiers.map((tier) => [tier.from, tier.price]),
  };
}

/** The value of each attribute that the book lists: the given one, else the standard one, which is the first. */
export function chosen(known, given) {
  const values = {};
  for (const name of ATTRIBUTES) {
    const value = given[name] ?? "";
    const allowed = known.allowed.get(name);
    if (value && (allowed === undefined || !allowed.includes(value))) {
      const listed = cut((allowed ?? []).join(", "), 120) || "-";
      throw new WeftError("pricing.attribute-value", { attribute: name, value: cut(value, 40), listed });
    }
    if (allowed !== undefined) values[name] = value || allowed[0];
  }
  return values;
}

/** The exact price per single unit and the charge per line, after all rules; steps go to `trace`. */
function walk(known, offer, values, amount, trace) {
  const at = offer.starts.findLastIndex((start) => !isLess(amount, start));
  if (at < 0) {
    throw new WeftError("pricing.below-first-tier", { item: cut(values.item, 60), minimum: offer.told[0][0] });
  }
  let unit = offer.prices[at], charge = ZERO;
  const [start, listed] = offer.told[at];
  trace.push(step("tier", start, `${listed} / ${offer.base}`, told(unit)));
  for (const one of known.changes) {
    if (!one.tests.every((holds) => holds(values, amount))) continue;
    let kind = "add";
    if (one.multiply !== null) {
      kind = "multiply";
      unit = times(unit, one.multiply);
    } else if (one.perLine) {
      kind = "line-charge";
      charge = plus(charge, one.add);
    } else {
      unit = plus(unit, one.add);
    }
    trace.push(step(kind, one.name, one.told, told(kind === "line-charge" ? charge : unit)));
  }
  return [unit, charge];
}

/** The line amount rounded once, and its tax by the book's basis. */
function taxed(known, filled, offer, [unit, charge, line], trace) {
  const { book, minor, percent } = known;
  const amount = rounded(line, minor);
  const sum = `${told(unit)} × ${filled.quantity}` + (charge.n === 0n ? "" : ` + ${told(charge)}`);
  trace.push(step("amount", "", sum, written(amount, minor)));
  const [net, tax] = split(amount, book.basis, percent);
  if (book.basis !== "net") {
    trace.push(step("net", "", `${written(amount, minor)} / (1 + ${book.tax.percent} %)`, written(net, minor)));
  }
  trace.push(step("tax", book.tax.category, `${book.tax.percent} %`, written(tax, minor)));
  return {
    book: known.hash,
    attributes: filled,
    currency: book.currency,
    basis: book.basis,
    unit_price: plain(rounded(times(unit, fraction(BigInt(offer.base))), PRICE_DECIMALS_MAX), PRICE_DECIMALS_MAX),
    base: offer.base,
    amount: written(amount, minor),
    net: written(net, minor),
    tax: written(tax, minor),
    gross: written(net + tax, minor),
    tax_category: book.tax.category,
    tax_percent: book.tax.percent,
    trace,
  };
}

/** [net, tax] in minor units of a line's `amount` in `basis`, under `percent` (a fraction). */
export function split(amount, basis, percent) {
  const hundred = fraction(100n);
  if (basis === "net") return [amount, rounded(by(times(percent, fraction(amount)), hundred), 0)];
  const net = rounded(by(fraction(amount * 100n), plus(hundred, percent)), 0);
  return [net, amount - net];
}

function step(kind, name, how, result) {
  const made = { kind };
  if (name) made.name = name;
  if (how) made.by = how;
  made.result = result;
  return made;
}

/** Whether `priced` is exactly what `known` gives for the attributes it names. */
export function follows(known, priced) {
  try {
    return canonical.text(price(known, priced.attributes)) === canonical.text(priced);
  } catch {
    return false;
  }
}
