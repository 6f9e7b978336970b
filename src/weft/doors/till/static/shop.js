// The shop as the till last heard of it: price books, items, partners; and the price of a basket under them.
// Rule 1: a price comes from core/price.js and a book in force alone; nothing is kept of it but the book.
// Rule 2: what cannot be priced is shown with its reason and cannot be sold.
// Not here: asking for it (sync.js), stock after a sale (the node books it; the till only counts down what it shows).
import * as clock from "./clock.js";
import * as canonical from "./core/canonical.js";
import { WeftError } from "./core/errors.js";
import { by, fractionOf, isLess } from "./core/exact.js";
import { ATTRIBUTES, load, price } from "./core/price.js";
import { clockOf } from "./format.js";

/** A shop made ready from `snapshot` (GET /till/api/snapshot). */
export async function shopOf(snapshot) {
  const books = [];
  for (const one of snapshot?.books ?? []) {
    const known = await load(canonical.encode(one.book));
    if (known.hash !== one.hash) continue;
    books.push({ ...one, known, lines: new Map(one.book.lines.map((line) => [JSON.stringify([line.item, line.unit]), line])) });
  }
  return new Shop(snapshot ?? { items: [], partners: [], firm: {} }, books);
}

class Shop {
  constructor(snapshot, books) {
    this.snapshot = snapshot;
    this.books = books;
    this.items = snapshot.items ?? [];
    this.partners = snapshot.partners ?? [];
    this.firm = snapshot.firm ?? {};
    this.ahead = clockOf(this.firm.time_zone ?? "", this.firm.utc_offset_minutes ?? 0);
    this.byId = new Map(this.items.map((item) => [item.id, item]));
    this.byCode = new Map(this.items.flatMap((item) => codes(item).map((code) => [code, item])));
    this.shown = new Map();
  }

  /** The books that count at `now` (ms): of each the newest version that has begun; newest number first. */
  inForce(now = clock.now()) {
    const newest = new Map();
    for (const one of this.books) {
      if (Date.parse(one.valid_from) > now || (one.book.valid_until && Date.parse(one.book.valid_until) <= now)) continue;
      const other = newest.get(one.book.id);
      if (!other || other.number < one.number) newest.set(one.book.id, one);
    }
    return [...newest.values()].sort((one, other) => other.number - one.number);
  }

  /** The book by which `item` is sold, or null. */
  bookOf(item, now = clock.now()) {
    return this.inForce(now).find((one) => one.lines.has(JSON.stringify([item.id, item.unit]))) ?? null;
  }

  /** What people may choose beside item and quantity: name to values, for the books that count now. */
  choices(now = clock.now()) {
    const found = new Map();
    for (const name of ATTRIBUTES) {
      for (const one of this.inForce(now)) {
        const values = one.book.attributes?.[name];
        if (values && values.length > 1 && !found.has(name)) found.set(name, values);
      }
    }
    return found;
  }

  /** The price of `quantity` of `item` with the chosen `attributes`; throws pricing.… */
  price(item, quantity, attributes = {}) {
    const book = this.bookOf(item);
    if (!book) throw new WeftError("pricing.unknown-item", { item: item.id, book: "" });
    const own = Object.fromEntries(Object.entries(attributes).filter(([name, value]) => value && book.book.attributes?.[name]));
    return price(book.known, { item: item.id, quantity, unit: item.unit, ...own });
  }

  /** What a tile shows: {gross, from} for one piece, or for the least that is sold; null when it has no price. */
  tile(item) {
    if (!this.shown.has(item.id)) this.shown.set(item.id, this.#tile(item));
    return this.shown.get(item.id);
  }

  #tile(item) {
    const book = this.bookOf(item);
    if (!book) return null;
    const { from } = book.lines.get(JSON.stringify([item.id, item.unit])).tiers[0];
    const least = isLess(fractionOf("1"), fractionOf(from)) ? from : "1";
    try {
      return { gross: price(book.known, { item: item.id, quantity: least, unit: item.unit }).gross, from: least,
        currency: book.book.currency };
    } catch {
      return null;
    }
  }

  /** The item with this number or GTIN, as a scanner reads it; undefined when there is none. */
  scanned(code) {
    const bare = code.trim();
    const digits = /^\d{8,14}$/.test(bare) ? bare.padStart(14, "0") : "";
    const link = /\/01\/(\d{8,14})/.exec(bare) ?? /^\]?(?:C1|d2|Q3)?01(\d{14})/.exec(bare);
    return this.byCode.get(bare.toLowerCase()) ?? this.byCode.get(digits)
      ?? (link ? this.byCode.get(link[1].padStart(14, "0")) : undefined);
  }

  /** Items whose number, name or GTIN holds every word of `sought`. */
  find(sought) {
    const parts = sought.toLowerCase().split(/\s+/).filter(Boolean);
    return this.items.filter((item) => {
      const all = [item.id, item.zh, item.en, item.gtin].filter(Boolean).join(" ").toLowerCase();
      return parts.every((part) => all.includes(part));
    });
  }
}

function codes(item) {
  return [item.id.toLowerCase(), ...(item.gtin ? [item.gtin.padStart(14, "0")] : [])];
}

/** Whether there is less of `item` than `quantity`, as far as the till knows. */
export function isShort(item, quantity) {
  try {
    return item.free !== undefined && isLess(fractionOf(item.free), fractionOf(quantity));
  } catch {
    return false;
  }
}

/** `quantity` one step up or down: by one, never below the smallest that makes sense; null when it falls away. */
export function stepped(quantity, step) {
  const value = fractionOf(quantity);
  const next = by({ n: value.n + BigInt(step) * value.d, d: value.d }, fractionOf("1"));
  return next.n <= 0n ? null : decimalOf(next);
}

function decimalOf(value) {
  let scaled = value.n * 10n ** 6n / value.d;
  const sign = scaled < 0n ? "-" : "";
  scaled = scaled < 0n ? -scaled : scaled;
  const whole = scaled / 10n ** 6n, rest = String(scaled % 10n ** 6n).padStart(6, "0").replace(/0+$/, "");
  return rest ? `${sign}${whole}.${rest}` : `${sign}${whole}`;
}
