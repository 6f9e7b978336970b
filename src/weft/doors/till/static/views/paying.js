// Paying: cash with change, transfer, or on account; one press makes the slip.
// Rule 1: a second press while the first is at work does nothing.
// Rule 2: that a slip can be written is tried before money is taken, not after.
import * as totals from "../core/totals.js";
import { h, icon, show } from "../dom.js";
import { major, minor, money, t } from "../format.js";
import * as store from "../store.js";
import { dialog } from "./dialog.js";
import { pad } from "./pad.js";
import { pricedLines, sumOf } from "./selling.js";

const NOTES = { CNY: [1, 5, 10, 50, 100], EUR: [5, 10, 20, 50, 100], USD: [1, 5, 10, 20, 50, 100], GBP: [5, 10, 20, 50],
  CHF: [10, 20, 50, 100], HKD: [10, 20, 50, 100, 500], JPY: [1000, 5000, 10000], KRW: [1000, 5000, 10000, 50000], TWD: [100, 500, 1000] };

/** The sheet that asks how the basket is paid. */
export function open(app) {
  const priced = pricedLines(app), sum = sumOf(priced);
  if (!sum || priced.some((one) => one.error)) return;
  const text = totals.told(sum, sum.currency), books = byBook(priced).length;
  const body = h("div.paying");
  let way = "cash", act = () => {}, keys = null, isBusy = false;

  async function done(pay, partner, extra) {
    if (isBusy) return;
    isBusy = true; // for good: what follows is another sheet
    if (!(await hasRoom)) return;
    const row = await app.attempt(() => sold(app, priced, { pay, partner }, extra));
    box.close();
    if (row) app.slip(row, true);
    else app.sell();
    app.line.now();
  }

  function draw() {
    const parts = { cash, transfer, account }[way]({ app, sum, text, done });
    ({ act, keys } = parts);
    show(body,
      h("p.due", {}, h("span", {}, t("to-pay")), h("strong", {}, money(text.gross, sum.currency)),
        h("small", {}, t("net-and-tax", { net: money(text.net, sum.currency), tax: money(text.tax, sum.currency) })),
        books > 1 ? h("small.books", {}, t("books", { n: books })) : null),
      h("div.tabs", { role: "tablist" }, ...["cash", "transfer", "account"].map((one) =>
        h(`button.tab${one === way ? ".chosen" : ""}`, { role: "tab", "aria-selected": String(one === way), data: { way: one }, onclick: () => { way = one; draw(); } },
          icon(one), t(`pay.${one}`)))),
      ...parts.parts);
  }

  const box = dialog(t("pay"), [body], { cls: "tall", key: (event) => {
    if (event.key === "Enter") { event.preventDefault(); act(); } else keys?.key(event);
  } });
  draw();
  const hasRoom = app.attempt(() => store.room());
  hasRoom.then((is) => { if (!is) box.close(); });
}

/** Whether somebody handed that much over, or a slow scanner typed a code where money is typed. */
const isCode = (typed, given, due) => /^\d{8,}$/.test(typed) && given > due * 100n;

function cash({ app, sum, text, done }) {
  let given = null, last = "";
  const due = sum.gross;
  const shown = h("output.typed");
  const change = h("p.change");
  const ready = h("button.button.main.huge", { onclick: () => act() }, t("done.cash"));
  const keys = pad({ decimals: text.gross.includes("."), typed: (typed) => {
    given = typed ? minor(typed, sum.currency) : null;
    last = typed;
    draw(typed);
  } });

  function draw(typed = "") {
    show(shown, h("small", {}, t("given")), typed || money(text.gross, sum.currency));
    const back = given === null ? 0n : given - due;
    ready.disabled = back < 0n;
    show(change, back < 0n ? h("span.alert", {}, t("missing", { amount: money(major(-back, sum.currency), sum.currency) }))
      : [h("span", {}, t("change")), h("strong", {}, money(major(back, sum.currency), sum.currency))]);
  }

  const act = () => {
    if (given !== null && given < due) return;
    if (given !== null && isCode(last, given, due)) {
      app.toast(t("scanned-later", { code: last }), "alert");
      keys.set("");
      return;
    }
    const handed = given ?? due;
    done("cash", "", { given: major(handed, sum.currency), change: major(handed - due, sum.currency) });
  };
  const quick = h("div.chips.big", {},
    h("button.chip", { onclick: () => { keys.set(""); } }, t("exactly")),
    ...handy(due, sum.currency).map((units) => h("button.chip", { onclick: () => keys.set(shorter(major(units, sum.currency))) },
      money(shorter(major(units, sum.currency)), sum.currency).replace(/\.00$/, ""))));
  draw();
  return { act, keys, parts: [h("div.cash", {}, h("div", {}, shown, change, quick, ready), keys.element)] };
}

const shorter = (text) => text.replace(/\.0+$/, "");

/** Sums that people hand over for `due`: the next that their notes make. */
function handy(due, currency) {
  const found = new Set();
  for (const note of NOTES[currency] ?? [10, 20, 50, 100]) {
    const units = minor(String(note), currency);
    const next = (due + units - 1n) / units * units;
    if (next > due) found.add(next);
  }
  return [...found].sort((one, other) => (one < other ? -1 : 1)).slice(0, 4);
}

function transfer({ text, sum, done }) {
  const act = () => done("transfer", "", {});
  return { act, keys: null, parts: [
    h("div.waiting-for", {}, icon("transfer"), h("p", {}, t("transfer.how", { amount: money(text.gross, sum.currency) }))),
    h("button.button.main.huge", { onclick: act }, t("done.transfer"))] };
}

function account({ app, done }) {
  let chosen = null;
  const list = h("ul.partners");
  const ready = h("button.button.main.huge", { disabled: true, onclick: () => act() }, t("done.account"));
  const search = h("input.field", { type: "search", placeholder: t("account.search"), autocomplete: "off" });

  function draw() {
    const sought = search.value.trim().toLowerCase();
    const found = app.shop.partners.filter((one) => one.name.toLowerCase().includes(sought)).slice(0, 50);
    show(list, ...(found.length ? found.map((one) => h(`li.partner${one === chosen ? ".chosen" : ""}`, {},
      h("button", { onclick: () => { chosen = one; draw(); } }, h("span.face", {}, one.name.slice(0, 1)), h("span.grow", {}, one.name), one === chosen ? icon("done") : null)))
      : [h("li.none", {}, app.shop.partners.length ? t("none-found") : t("account.none"))]));
    ready.disabled = !chosen;
  }

  search.oninput = draw;
  draw();
  const act = () => { if (chosen) done("account", chosen.id, { partnerName: chosen.name }); };
  return { act, keys: null, parts: [app.shop.partners.length > 6 ? search : null, list, ready].filter(Boolean) };
}

/** Makes the slip (or, where two price books are in the basket, one for each) and empties the basket with it. */
async function sold(app, priced, payment, extra) {
  const books = byBook(priced), of = books.length, often = { ...app.often };
  for (const { line } of priced) often[line.item] = (often[line.item] ?? 0) + 1;
  const sum = sumOf(priced), { gross } = totals.told(sum, sum.currency);
  const basket = { id: crypto.randomUUID(), lines: [], attributes: {} };
  const groups = books.map((lines, at) => ({
    lines: lines.map(({ priced: one, line }) => ({ priced: one, lot: line.lot })),
    extra: { ...(at === of - 1 ? extra : { partnerName: extra.partnerName }), names: namesOf(lines.map((one) => one.item)),
      ...(of > 1 ? { visit: { at: at + 1, of, gross } } : {}) },
  }));
  const rows = await app.chain.sell(app.basket, groups, payment, { basket, often });
  app.basket = basket;
  for (const row of rows) app.counted(row);
  app.often = often;
  return rows.at(-1);
}

/** The lines of a basket, those of one price book together. */
function byBook(priced) {
  const books = new Map();
  for (const one of priced) books.set(one.priced.book, [...(books.get(one.priced.book) ?? []), one]);
  return [...books.values()];
}

/** The names that a slip shows, kept with it: items may be called otherwise later. */
export function namesOf(items) {
  return Object.fromEntries(items.map((item) => [item.id, { zh: item.zh, en: item.en, unit: item.unit }]));
}

