// Whether a slip is sound, signed by its till, and follows the one before; what weft/till/verify.py does.
// A finding is {code, facts}. All are told at once; none means that the slip holds by itself.
import * as canonical from "./canonical.js";
import * as closing from "./closing.js";
import { isSound } from "./curve.js";
import { asFinding, found, lengthOf } from "./errors.js";
import { UNITS, decimal, fractionOf, isCurrency, isLess, isPlain, fraction } from "./exact.js";
import { filled, shaped } from "./form.js";
import { SIGNATURE_BYTES, verify as isSigned } from "./signature.js";
import { LIFE_BYTES, SLIP_BYTES_MAX, bytesOf, digestOf, hashOf } from "./slip.js";
import * as totals from "./totals.js";

const LINES_MAX = 200;
const TEXT_MAX = 120;
const ATTRIBUTES_MAX = 8;
const PRICE_DECIMALS_MAX = 6;
const PERCENT_MAX = fraction(100n);
const CATEGORY = /^[A-Z]{1,3}$/;
const BLANK = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*$/; // as Python strips
const INSTANT = /^(?!0000)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const NAMES = { firm: 32, till: 32, life: LIFE_BYTES, prev: 32, book: 32, of: 32, partner: 32 };
const NEEDED = new Set(["firm", "till", "life"]);
const UNREADABLE = new Set(["slip.shape", "slip.not-canonical", "slip.too-large"]);
const EMPTY = new Set(['""', "{}", "false"]);
const OF_GOODS = ["net", "tax", "gross", "partner", "book", "attributes", "off_book"];
const NUMBERS = { quantity: PRICE_DECIMALS_MAX, unit_price: PRICE_DECIMALS_MAX, tax_percent: 4 };

/** Everything wrong with a signed slip taken alone: a promise of findings; none when it holds. */
export async function verify(signed) {
  const faults = findings(signed.slip);
  if (faults.some((one) => UNREADABLE.has(one.code))) return faults; // no bytes that could have been signed
  return [...faults, ...await signatureFindings(signed)];
}

async function signatureFindings({ slip, signature }) {
  if (!isSound(slip.till)) return [found("key")];
  let made;
  try {
    made = canonical.unb64(signature, SIGNATURE_BYTES);
  } catch {
    return [found("signature")];
  }
  return await isSigned(slip.till, await digestOf(slip), made) ? [] : [found("signature")];
}

/** Everything wrong with the form and the sums of `slip` taken alone. */
export function findings(slip) {
  try {
    shaped(slip);
    if (bytesOf(slip).length > SLIP_BYTES_MAX) return [found("too-large", { limit: SLIP_BYTES_MAX })];
  } catch (error) {
    return [error.code === "slip.shape" ? asFinding(error) : found("not-canonical")];
  }
  const whole = filled(slip);
  if (!isCurrency(whole.currency)) return [...head(whole), found("currency", { value: whole.currency })];
  const sums = whole.kind === "close" ? close(whole) : goods(whole);
  return [...head(whole), ...attributes(whole), ...kind(whole), ...sums];
}

/** What keeps `slip` from being the next after `before` (null: from being the first of its life); a promise. */
export async function follows(slip, before) {
  if (before === null) {
    return slip.n === 1 && !slip.prev ? [] : [found("chain-gap", { expected: 1, n: slip.n })];
  }
  const faults = ["till", "life", "firm"].filter((where) => slip[where] !== before[where])
    .map((where) => found("chain-other", { where }));
  if (slip.n !== before.n + 1) faults.push(found("chain-gap", { expected: before.n + 1, n: slip.n }));
  else if ((slip.prev ?? "") !== await hashOf(before)) faults.push(found("chain-broken", { n: slip.n }));
  return faults;
}

function head(slip) {
  const faults = [];
  for (const [where, size] of Object.entries(NAMES)) {
    if (!slip[where] && !NEEDED.has(where)) continue;
    if (!canonical.isNamed(slip[where], size)) faults.push(found("name", { where }));
  }
  if (slip.n < 1 || (slip.n === 1) !== !slip.prev) faults.push(found("chain-start", { n: slip.n }));
  if (!isInstant(slip.at)) faults.push(found("instant", { value: slip.at }));
  return faults;
}

function isInstant(at) {
  if (!INSTANT.test(at)) return false;
  const moment = new Date(at);
  return !Number.isNaN(moment.getTime()) && moment.toISOString() === at;
}

function attributes(slip) {
  const given = Object.entries(slip.attributes).sort(([one], [other]) => (one < other ? -1 : 1));
  const faults = [];
  if (given.length > ATTRIBUTES_MAX) faults.push(found("too-many", { what: "attributes", limit: ATTRIBUTES_MAX }));
  for (const [name, value] of given) {
    if (![name, value].every((text) => text !== "" && lengthOf(text) <= TEXT_MAX)) {
      faults.push(found("text", { where: name || "attributes", limit: TEXT_MAX }));
    }
  }
  return faults;
}

/** Each kind has its own fields, and no others. */
function kind(slip) {
  const isClose = slip.kind === "close";
  const wrong = {
    close: isClose !== (slip.close !== null),
    lines: isClose === slip.lines.length > 0,
    pay: isClose === (slip.pay !== ""),
    of: (slip.kind === "return") !== (slip.of !== ""),
    partner: slip.pay === "account" && !slip.partner,
  };
  if (isClose) {
    for (const where of OF_GOODS) wrong[where] = !EMPTY.has(canonical.text(slip[where]));
    wrong.basis = slip.basis !== "net";
  }
  return Object.keys(wrong).filter((where) => wrong[where]).map((where) => found("field", { where, kind: slip.kind }));
}

function close(slip) {
  return slip.close === null ? [] : closing.findings(slip.close, slip.n, slip.currency);
}

function goods(slip) {
  if (slip.lines.length > LINES_MAX) return [found("too-many", { what: "lines", limit: LINES_MAX })];
  const faults = [], parts = [];
  slip.lines.forEach((line, at) => {
    faults.push(...lineFindings(slip, at + 1, line), ...moneyOf(slip, at + 1, line, parts));
  });
  const sum = totals.total(parts);
  try {
    if (!totals.isSame(totals.read(slip, slip.currency), sum)) {
      faults.push(found("total", { told: slip.gross, expected: totals.money(sum.gross, slip.currency) }));
    }
  } catch (error) {
    faults.push(asFinding(error));
  }
  return faults;
}

function lineFindings(slip, place, line) {
  const faults = [];
  for (const where of ["item", "lot"]) {
    const text = line[where];
    if (lengthOf(text) > TEXT_MAX || ((text || where === "item") && BLANK.test(text))) {
      faults.push(found("text", { where, limit: TEXT_MAX }));
    }
  }
  if (!UNITS.has(line.unit)) faults.push(found("unit", { line: place, value: line.unit }));
  if ((slip.kind === "return") !== (line.sold >= 1) || line.sold < 0 || line.sold > LINES_MAX) {
    faults.push(found("field", { where: "sold", kind: slip.kind }));
  }
  for (const [where, places] of Object.entries(NUMBERS)) {
    const value = line[where];
    if (!isPlain(value, places) || (where === "quantity" && decimal(value).units === 0n)) {
      faults.push(found("number", { where, line: place, value }));
    } else if (where === "tax_percent" && isLess(PERCENT_MAX, fractionOf(value))) {
      faults.push(found("tax", { line: place, value }));
    }
  }
  if (!CATEGORY.test(line.tax_category)) faults.push(found("tax", { line: place, value: line.tax_category }));
  return faults;
}

/** What is wrong with the line's money; where it can be read it goes to `parts`. */
function moneyOf(slip, place, line, parts) {
  let sums;
  try {
    sums = totals.read(line, slip.currency);
  } catch (error) {
    const one = asFinding(error);
    return [{ code: one.code, facts: { ...one.facts, line: place } }];
  }
  parts.push(sums);
  if (sums.net < 0n || sums.tax < 0n || sums.gross < 0n || sums.net + sums.tax !== sums.gross) {
    return [found("line-sum", { line: place, net: line.net, tax: line.tax, gross: line.gross })];
  }
  if (slip.kind !== "sale" || !isPlain(line.tax_percent, 4)) return [];
  const due = totals.taxed(slip.basis === "gross" ? sums.gross : sums.net, slip.basis, line.tax_percent);
  if (totals.isSame(due, sums)) return [];
  return [found("line-tax", { line: place, told: line.tax, expected: totals.money(due.tax, slip.currency) })];
}
