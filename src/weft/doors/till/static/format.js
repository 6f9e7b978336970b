// Words, money, quantities and times as people of the chosen language write them. Numbers stay decimal strings.
import { MINOR_UNITS } from "./core/exact.js";

export const LANGUAGES = { zh: "中文", en: "English" };
const LOCALES = { zh: "zh-CN", en: "en-GB" };
let words = {};
let lang = "zh";

/** Load the words of `wanted`; they come from what the worker keeps. */
export async function speak(wanted) {
  const answer = await fetch(`/till/words/${wanted}.json`);
  if (!answer.ok) throw new Error(`no words for ${wanted}`);
  words = await answer.json();
  lang = wanted;
  document.documentElement.lang = wanted === "zh" ? "zh-Hans" : "en";
}

/** The language that is spoken now. */
export const spoken = () => lang;

/** The sentence of `key` with its facts. */
export function t(key, facts = {}) {
  const sentence = (String(facts.n) === "1" && words[`${key}.one`]) || words[key];
  return sentence === undefined ? `⟦${key}⟧` : sentence.replace(/\{(\w+)\}/g, (_, name) => facts[name] ?? `⟦${name}⟧`);
}

/** What a person is told of a refusal: of the core, of the node, or of the browser. */
export function told(error) {
  const key = `error.${error?.code}`;
  if (error?.code && words[key]) return t(key, error.facts);
  return t("trouble", { detail: String(error?.code ?? error?.message ?? error).slice(0, 120) });
}

/** `12.50` CNY as `¥12.50`; what is less than nothing has a true minus sign, the same in every language. */
export function money(amount, currency) {
  const places = MINOR_UNITS[currency] ?? 2;
  return new Intl.NumberFormat(LOCALES[lang], {
    style: "currency", currency, currencyDisplay: "narrowSymbol", minimumFractionDigits: places,
    maximumFractionDigits: Math.max(places, (String(amount).split(".")[1] ?? "").length),
  }).format(amount).replace("-", "−");
}

/** `1200.5` as `1,200.5`. */
export function number(value) {
  return new Intl.NumberFormat(LOCALES[lang], { maximumFractionDigits: 12 }).format(value);
}

/** Names one after the other, as the chosen language lists them. */
export const listed = (names) => names.join(lang === "zh" ? "、" : ", ");

/** A unit code as a word. */
export const unit = (code) => words[`unit.${code}`] ?? code;

/** The name of an item in the language that is spoken, else in another, else its number. */
export const nameOf = (item) => item?.[lang] || item?.zh || item?.en || item?.id || "";

/** The clock of the firm's place: how many ms it is ahead of UTC at an instant (ms). A till may be offline while clocks
 *  change, so the browser is asked; one that does not know `zone` goes by `fixed` minutes. */
export function clockOf(zone, fixed = 0) {
  let shown;
  try {
    shown = new Intl.DateTimeFormat("en", { timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric",
      day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" });
  } catch {
    return () => fixed * 60_000;
  }
  return (ms) => {
    const part = Object.fromEntries(shown.formatToParts(ms).map((one) => [one.type, Number(one.value)]));
    const wall = Date.UTC(part.year, part.month - 1, part.day, part.hour, part.minute, part.second);
    return wall - Math.floor(ms / 1000) * 1000;
  };
}

/** Date and time of an instant, in the firm's own time. */
export function moment(at, ahead, { day = false, seconds = false } = {}) {
  const local = new Date(Date.parse(at) + ahead(Date.parse(at)));
  return new Intl.DateTimeFormat(LOCALES[lang], {
    timeZone: "UTC", hour: "2-digit", minute: "2-digit", hour12: false, ...(seconds ? { second: "2-digit" } : {}),
    ...(day ? { year: "numeric", month: "2-digit", day: "2-digit" } : {}),
  }).format(local);
}

/** A length of time in the largest unit that fits, such as "2 days". */
export function span(ms) {
  const [unit, size] = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]].find(([, one]) => ms >= one) ?? ["minute", 60_000];
  return new Intl.NumberFormat(LOCALES[lang], { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(ms / size));
}

/** The day of an instant as `2026-11-25`, in the firm's own time. */
export const dayOf = (at, ahead) => new Date(Date.parse(at) + ahead(Date.parse(at))).toISOString().slice(0, 10);

// ---- sums of money in minor units ------------------------------------------------------------------------

/** `12.50` as 1250n. Takes what people type: `12`, `12.5`, `12,50`; null where it is no amount. */
export function minor(typed, currency) {
  const places = MINOR_UNITS[currency] ?? 2;
  const match = /^(\d{1,12})(?:[.,](\d*))?$/.exec(String(typed).trim());
  if (!match || (match[2] ?? "").length > places) return null;
  return BigInt(match[1]) * 10n ** BigInt(places) + BigInt((match[2] ?? "").padEnd(places, "0") || "0");
}

/** 1250n as `12.50`. */
export function major(units, currency) {
  const places = MINOR_UNITS[currency] ?? 2;
  const sign = units < 0n ? "-" : "", digits = String(units < 0n ? -units : units).padStart(places + 1, "0");
  return places ? `${sign}${digits.slice(0, -places)}.${digits.slice(-places)}` : `${sign}${digits}`;
}
