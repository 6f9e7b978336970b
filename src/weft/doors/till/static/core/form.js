// The shape of a slip, as weft/till/slip.py declares it: which fields there are, of what kind, and their defaults.
import { WeftError } from "./errors.js";

const isText = (value) => typeof value === "string";
const isWhole = (value) => Number.isInteger(value);
const isYesOrNo = (value) => typeof value === "boolean";
const oneOf = (...values) => (value) => values.includes(value);
const pieces = (form) => (value) => Array.isArray(value) && value.every((one) => hasForm(one, form));
const isNamed = (value) => isObject(value) && Object.values(value).every(isText);
const WAY = oneOf("", "cash", "transfer", "account");

// Each field: [what it must be, its default]; a field without a default must be there.
const LINE = {
  item: [isText], quantity: [isText], unit: [isText], unit_price: [isText], net: [isText], tax: [isText],
  gross: [isText], tax_category: [isText], tax_percent: [isText], base: [oneOf("1", "100", "1000"), "1"],
  lot: [isText, ""], sold: [isWhole, 0],
};
const BY_WAY = { pay: [WAY], sales: [isWhole, 0], returns: [isWhole, 0], received: [isText], given_back: [isText] };
const BY_RATE = { tax_category: [isText], tax_percent: [isText], net: [isText], tax: [isText], gross: [isText] };
const DRAWER = {
  opening: [isText], expected: [isText], counted: [isText], difference: [isText], removed: [isText], left: [isText],
};
const CLOSE = {
  first: [isWhole], sales: [isWhole], returns: [isWhole], ways: [pieces(BY_WAY), [], BY_WAY],
  rates: [pieces(BY_RATE), [], BY_RATE], cash: [(value) => hasForm(value, DRAWER), undefined, DRAWER],
};
export const SLIP = {
  weft: [oneOf("slip/1")], firm: [isText], till: [isText], life: [isText], n: [isWhole], at: [isText],
  kind: [oneOf("sale", "return", "close")], currency: [isText], prev: [isText, ""], lines: [pieces(LINE), [], LINE],
  basis: [oneOf("net", "gross"), "net"], net: [isText, ""], tax: [isText, ""], gross: [isText, ""], pay: [WAY, ""],
  partner: [isText, ""], book: [isText, ""], attributes: [isNamed, {}], off_book: [isYesOrNo, false], of: [isText, ""],
  close: [(value) => value === null || hasForm(value, CLOSE), null, CLOSE],
};
/** All forms by the names that weft/till/slip.py gives them. */
export const FORMS = { Slip: SLIP, Line: LINE, Close: CLOSE, ByWay: BY_WAY, ByRate: BY_RATE, Drawer: DRAWER };

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether `value` is an object of `form`: all that must be there, nothing that is not declared. */
export function hasForm(value, form) {
  if (!isObject(value) || Object.keys(value).some((key) => !Object.hasOwn(form, key))) return false;
  return Object.entries(form).every(([key, [fits, standard]]) => (
    Object.hasOwn(value, key) ? fits(value[key]) : standard !== undefined
  ));
}

/** `value` if it is a slip; throws slip.shape. */
export function shaped(value) {
  if (!hasForm(value, SLIP)) throw new WeftError("slip.shape", { detail: "" });
  return value;
}

/** `value` of `form` as it is written: what equals its default is left out. */
export function spelled(value, form = SLIP) {
  const made = {};
  for (const [key, [, standard, inner]] of Object.entries(form)) {
    const given = value[key];
    if (given === undefined || isStandard(given, standard)) continue;
    if (inner === undefined || given === null) made[key] = given;
    else made[key] = Array.isArray(given) ? given.map((one) => spelled(one, inner)) : spelled(given, inner);
  }
  return made;
}

/** `value` of `form` with every default filled in, so that rules need not ask what is there. */
export function filled(value, form = SLIP) {
  const made = {};
  for (const [key, [, standard, inner]] of Object.entries(form)) {
    const given = value[key] ?? standard;
    if (inner === undefined || given === null) made[key] = given;
    else made[key] = Array.isArray(given) ? given.map((one) => filled(one, inner)) : filled(given, inner);
  }
  return made;
}

function isStandard(given, standard) {
  if (standard === undefined || given === null) return given === standard;
  if (typeof standard === "object" && standard !== null) return Object.keys(given).length === 0;
  return given === standard;
}
