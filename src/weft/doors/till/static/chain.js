// The till's own history: makes a slip, signs it, writes it down, and only then gives it to be shown.
// Rule 1: one page at a time writes (a lock of the browser); the store refuses a second slip at one place all the same.
// Rule 2: a memory that was lost or rolled back begins another life: the key stays, its history does not fork.
// Rule 3: between two closes there is one currency: a day of two could never be closed.
// Rule 4: a slip follows one price book; a basket of two becomes a slip for each, written down together or not at all.
// Not here: what a slip must be (core/), where it is kept (store.js), how it gets to the node (sync.js).
import * as clock from "./clock.js";
import * as closing from "./core/closing.js";
import { WeftError } from "./core/errors.js";
import * as returns from "./core/returns.js";
import * as slips from "./core/slip.js";
import * as totals from "./core/totals.js";
import * as verify from "./core/verify.js";
import * as store from "./store.js";

const DAY_MS = 86_400_000;
export const KEPT_DAYS = 60;

/** The chain of the till `signer` for the firm `firm`. */
export class Chain {
  constructor(signer, firm) {
    this.signer = signer;
    this.firm = firm;
    this.head = null;
  }

  /** Read where we are; a first life begins where there is none. */
  async load() {
    this.head = (await store.get("chain")) ?? null;
    if (this.head === null) await this.newLife();
  }

  /** Begin another life: what was said before stays said. */
  async newLife() {
    this.head = { life: slips.newLife(), n: 0, hash: "", order: (this.head?.order ?? 0) };
    await store.put("chain", this.head);
  }

  /**
   * Sell `groups` of `basket`, each ([{priced, lot}], extra) of one book: a promise of a row for each, all or none.
   * `after`: what changes with them.
   */
  sell(basket, groups, payment, after) {
    return this.#add(groups.map(({ lines, extra }) => [saleOf(lines, payment), extra]), after, basket.id);
  }

  /** Take back `wanted` ([line from 1, quantity]) of the slip `sale`, knowing the returns `earlier`. */
  async giveBack(sale, earlier, wanted, pay, partner, extra) {
    const lines = await returns.lines(sale, earlier, wanted);
    const [row] = await this.#add([[{
      kind: "return", of: await slips.hashOf(sale), currency: sale.currency, basis: sale.basis ?? "net",
      book: sale.book ?? "", attributes: sale.attributes ?? {}, off_book: sale.off_book ?? false, pay, partner,
      ...sums(lines, sale.currency), lines,
    }, extra]], {});
    return row;
  }

  /** What the next close will sum: {rows, last (row or null), first, currency (of its slips, else `otherwise`), opening}. */
  async day(otherwise) {
    const close = await store.get("closed");
    const last = close?.life === this.head.life ? await store.slipAt(close.life, close.n) : null;
    const first = last ? last.n + 1 : 1;
    const rows = this.head.n >= first ? await store.since(this.head.life, first) : [];
    const currency = rows[0]?.signed.slip.currency ?? otherwise;
    return { rows, last, first, currency, opening: closing.opening(last?.signed.slip ?? null, currency) };
  }

  /** Close the day with `cash` ({opening, counted, removed}). */
  async close(currency, cash, extra) {
    const { rows, first } = await this.day(currency);
    const summed = closing.close(rows.map((row) => row.signed.slip), currency, first, cash);
    const [row] = await this.#add([[{ kind: "close", currency, close: summed }, extra]], { closed: "self" });
    return row;
  }

  /** The next slips of the chain, from [fields, extra] each: written down together, or none of them. */
  async #add(many, after, basket = null) {
    if (navigator.locks && !this.held) throw new WeftError("till.browser-other");
    const { head } = this;
    for (const [fields] of many) if (fields.kind !== "close") await this.#oneCurrency(fields.currency);
    const last = head.n ? await store.slipAt(head.life, head.n) : null;
    const now = clock.now(), before = last ? Date.parse(last.at) : 0;
    const at = new Date(before > now && before - now < clock.FAR_MS ? before : now).toISOString(); // or it was set right
    const rows = [];
    let next = head;
    for (const [fields, extra] of many) {
      rows.push(await this.#row(next, at, fields, extra));
      next = { life: head.life, n: next.n + 1, hash: rows.at(-1).hash, order: next.order + 1 };
    }
    const values = { chain: next, showing: next.hash, ...after };
    if (values.closed === "self") values.closed = { life: next.life, n: next.n };
    if (!(await store.append(rows, head, values, basket))) {
      await this.load(); // go on from what the other has written
      throw new WeftError("till.browser-other");
    }
    this.head = next;
    return rows;
  }

  /** The slip of `fields` that comes after `head`, made, signed and looked over. */
  async #row(head, at, fields, extra) {
    const slip = slips.make({
      firm: this.firm, till: this.signer.public, life: head.life, n: head.n + 1, prev: head.hash, at,
      ...Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
    });
    const signed = await slips.sign(slip, this.signer);
    const wrong = await verify.verify(signed);
    if (wrong.length) throw new WeftError(wrong[0].code, wrong[0].facts);
    const hash = await slips.hashOf(slip);
    return { life: slip.life, n: slip.n, hash, at, kind: slip.kind, order: head.order + 1, waiting: 1,
      of: slip.of ?? "", number: await slips.numberOf(slip), signed, ...extra };
  }

  async #oneCurrency(currency) {
    const close = await store.get("closed");
    const first = close?.life === this.head.life ? close.n + 1 : 1;
    const begun = this.head.n >= first ? await store.slipAt(this.head.life, first) : null;
    const expected = begun?.signed.slip.currency ?? currency;
    if (currency !== expected) throw new WeftError("slip.close-currency", { n: this.head.n + 1, currency, expected });
  }

  /** Slips that the node has had for so long that nobody comes back with them. */
  async tidy() {
    const close = await store.get("closed");
    const before = new Date(Date.now() - KEPT_DAYS * DAY_MS).toISOString();
    await store.prune(before, this.head.life, close?.life === this.head.life ? close.n : 0);
  }
}

function saleOf(lines, { pay, partner }) {
  const first = lines[0].priced;
  const { item, quantity, unit, currency, ...attributes } = first.attributes;
  return {
    kind: "sale", currency: first.currency, basis: first.basis, book: first.book, attributes, pay, partner,
    ...sums(lines.map((one) => one.priced), first.currency),
    lines: lines.map(({ priced, lot }) => ({
      item: priced.attributes.item, lot: lot ?? "", quantity: priced.attributes.quantity, unit: priced.attributes.unit,
      unit_price: priced.unit_price, base: priced.base, net: priced.net, tax: priced.tax, gross: priced.gross,
      tax_category: priced.tax_category, tax_percent: priced.tax_percent,
    })),
  };
}

function sums(parts, currency) {
  return totals.told(totals.total(parts.map((one) => totals.read(one, currency))), currency);
}
