// Selling: items to tap or find on one side, the basket on the other; on a phone the basket is drawn up from below.
import { fractionOf, isLess } from "../core/exact.js";
import * as totals from "../core/totals.js";
import { h, icon, show } from "../dom.js";
import { money, nameOf, number, t, told, unit } from "../format.js";
import { buzz } from "../scan.js";
import { stepped } from "../shop.js";
import { bar } from "./bar.js";
import { dialog } from "./dialog.js";
import { pad } from "./pad.js";

const SHOWN_MAX = 60;

export function view(app) {
  const search = h("input.search", { type: "search", placeholder: t("search"), "aria-label": t("search"), autocomplete: "off",
    autocapitalize: "off", spellcheck: "false", enterkeyhint: "go" });
  const grid = h("div.grid", { role: "list" });
  const basket = h("section.basket", { "aria-label": t("basket") });
  const foot = h("button.basket-bar", { onclick: () => page.classList.toggle("drawn") });
  const page = h("main.selling", {},
    h("section.goods", {}, h("div.head", {}, h("div.clock", {}, ...app.clockParts()), h("div.searching", {}, icon("search"), search)), grid), basket, foot);

  const change = (work) => { // seen at once, kept a moment later
    const kept = app.attempt(work);
    draw();
    return kept;
  };
  const add = (item) => change(() => added(app, item));

  function drawGrid() {
    const sought = search.value.trim();
    const found = sought ? app.shop.find(sought) : byHabit(app);
    const tiles = found.slice(0, SHOWN_MAX).map((item) => tile(app, item, () => add(item)));
    const more = found.length > SHOWN_MAX ? [h("p.more", {}, t("more-items", { n: found.length - SHOWN_MAX }))] : [];
    show(grid, ...(tiles.length ? [...tiles, ...more] : [empty(app, sought)]));
  }

  function draw() {
    const priced = pricedLines(app);
    show(basket, ...basketParts(app, priced, change));
    show(foot, ...footParts(app, priced));
    foot.hidden = !app.basket.lines.length;
    if (!app.basket.lines.length) page.classList.remove("drawn");
  }

  function go(code, whole) {
    const item = app.shop.scanned(code) ?? app.shop.scanned(whole);
    if (item) {
      search.value = "";
      drawGrid();
      return add(item).then(() => app.toast(nameOf(item), "good"));
    }
    buzz();
    app.toast(t("unknown-code", { code: code.slice(0, 40) }), "alert");
    return undefined;
  }

  search.oninput = drawGrid;
  search.onkeydown = (event) => {
    if (event.key !== "Enter" || event.isComposing || !search.value.trim()) return;
    const found = app.shop.find(search.value.trim());
    const item = app.shop.scanned(search.value) ?? (found.length === 1 ? found[0] : null);
    if (!item) return app.toast(found.length ? t("several", { n: found.length }) : t("unknown-code", { code: search.value }), "alert");
    event.stopPropagation();
    search.value = "";
    drawGrid();
    add(item);
  };

  return {
    isIdle: true,
    draw: () => [bar(app, { title: "" }), page],
    entered: () => { drawGrid(); draw(); },
    news: () => { drawGrid(); draw(); },
    scanned: go,
    key(event) {
      if (document.getElementById("dialog").open || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") { search.value = ""; drawGrid(); search.blur(); }
      else if (event.key === "F9" || (event.key === "Enter" && !isButton(event.target) && !(event.target === search && search.value.trim()))) app.pay();
      else if (event.key.length === 1 && event.key !== " " && event.target !== search && !isField(event.target)) search.focus();
    },
  };
}

const isField = (target) => target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
const isButton = (target) => target instanceof HTMLButtonElement || target instanceof HTMLAnchorElement;

/** What is sold most here comes first. */
function byHabit(app) {
  return [...app.shop.items].sort((one, other) =>
    (app.often[other.id] ?? 0) - (app.often[one.id] ?? 0) || (one.id < other.id ? -1 : 1));
}

function tile(app, item, tapped) {
  const shown = app.shop.tile(item);
  const left = app.left(item);
  const isOut = left !== null && left.n <= 0n;
  const stock = left === null ? "" : isOut ? t("none-left") : t("left", { quantity: shortly(left), unit: unit(item.unit) });
  return h("button.tile", { onclick: tapped, disabled: !shown, role: "listitem", data: { item: item.id } },
    h("span.tile-name", {}, nameOf(item)),
    h("span.tile-id", {}, item.id),
    h("span.tile-foot", {},
      h("span.tile-price", {}, shown ? money(shown.gross, shown.currency) : "–",
        shown && shown.from !== "1" ? h("small", {}, ` / ${number(shown.from)}`) : null),
      h(`span.tile-stock${isOut ? ".out" : ""}`, {}, stock)));
}

function shortly(value) {
  const hundredths = value.n * 100n / value.d;
  return number(`${hundredths / 100n}.${String(hundredths % 100n).padStart(2, "0")}`);
}

function empty(app, sought) {
  const key = sought ? "none-found" : app.shop.items.length ? "none-found" : "no-items";
  return h("div.empty", {}, icon(sought ? "search" : "slips"), h("h2", {}, t(key)), h("p", {}, t(`${key}.next`)));
}

/** Every line of the basket with its price, or why it has none. */
export function pricedLines(app) {
  return app.basket.lines.map((line) => {
    const item = app.shop.byId.get(line.item) ?? { id: line.item, unit: line.unit };
    try {
      return { line, item, priced: app.shop.price(item, line.quantity, app.basket.attributes) };
    } catch (error) {
      return { line, item, error };
    }
  });
}

/** The sums of what is priced; null where nothing is or two currencies are. */
export function sumOf(priced) {
  const good = priced.filter((one) => one.priced);
  const currency = good[0]?.priced.currency;
  if (!good.length || good.some((one) => one.priced.currency !== currency)) return null;
  return { currency, ...totals.total(good.map((one) => totals.read(one.priced, currency))) };
}

const hasTwoCurrencies = (priced) => new Set(priced.filter((one) => one.priced).map((one) => one.priced.currency)).size > 1;

async function added(app, item) {
  const lines = [...app.basket.lines];
  const at = lines.findIndex((one) => one.item === item.id && !one.fixed);
  const first = app.shop.tile(item)?.from ?? "1";
  if (at >= 0) lines[at] = { ...lines[at], quantity: stepped(lines[at].quantity, 1) };
  else lines.push({ item: item.id, unit: item.unit, quantity: first, lot: item.lots?.length === 1 ? item.lots[0].lot : "" });
  await app.keep({ ...app.basket, lines });
}

async function changed(app, at, changes) {
  const lines = app.basket.lines.map((line, place) => (place === at ? { ...line, ...changes } : line));
  await app.keep({ ...app.basket, lines: lines.filter((line) => line.quantity !== null) });
}

function basketParts(app, priced, change) {
  if (!priced.length) {
    return [h("div.empty", {}, icon("slips"), h("h2", {}, t("basket-empty")), h("p", {}, t("basket-empty.next")))];
  }
  const sum = sumOf(priced);
  const rows = priced.map((one, at) => row(app, one, at, change));
  return [
    h("header.basket-head", {}, h("h2", {}, t("basket")),
      h("button.quiet", { onclick: () => change(() => app.empty()) }, icon("bin"), t("empty-basket"))),
    h("ul.lines", {}, ...rows),
    ...choices(app, change),
    h("footer.basket-foot", {}, hasTwoCurrencies(priced) ? h("p.notice.alert", {}, icon("alarm"), t("two-currencies")) : null,
      ...sums(sum), payButton(app, priced, sum)),
  ];
}

function row(app, { line, item, priced, error }, at, change) {
  const step = (by) => change(() => changed(app, at, { quantity: stepped(line.quantity, by) }));
  const isShort = app.isShort(item, line.quantity);
  return h("li.line", { data: { item: item.id } },
    h("button.line-name", { onclick: () => amount(app, { line, item }, at, change) },
      h("span", {}, nameOf(item)),
      h("small", {}, error ? h("span.alert", {}, told(error))
        : `${money(priced.unit_price, priced.currency)}${priced.base === "1" ? "" : ` / ${priced.base}`}${priced.basis === "net" ? ` ${t("net-short")}` : ""}`,
      line.lot && item.lots?.length > 1 ? ` · ${line.lot}` : "", isShort && !error ? h("span.alert", {}, ` · ${t("short")}`) : null)),
    h("span.stepper", {},
      h("button", { onclick: () => step(-1), "aria-label": t("less") }, "−"),
      h("button.count", { onclick: () => amount(app, { line, item }, at, change), "aria-label": t("quantity") },
        number(line.quantity), item.unit === "C62" ? null : h("small", {}, unit(item.unit))),
      h("button", { onclick: () => step(1), "aria-label": t("one-more") }, "+")),
    h("span.line-sum", {}, priced ? money(priced.gross, priced.currency) : "–"));
}

/** Quantity and lot of one line. */
function amount(app, { line, item }, at, change) {
  let typed = "", lot = line.lot;
  const shown = h("output.typed", {}, number(line.quantity), h("small", {}, unit(item.unit)));
  const keys = pad({ decimals: item.unit !== "C62", typed: (text) => {
    typed = text;
    show(shown, typed || number(line.quantity), h("small", {}, unit(item.unit)));
  } });
  const lots = h("div.chips");
  const drawLots = () => show(lots, ...(item.lots ?? []).map((one) =>
    h(`button.chip${one.lot === lot ? ".chosen" : ""}`, { onclick: () => { lot = one.lot === lot ? "" : one.lot; drawLots(); } },
      one.lot, h("small", {}, number(one.on_hand)))));
  drawLots();
  const done = () => change(async () => {
    const quantity = typed ? plainly(typed.replace(/\.$/, "")) : line.quantity;
    const isSome = isLess(fractionOf("0"), fractionOf(quantity, "quantity"));
    box.close();
    await changed(app, at, { quantity: isSome ? quantity : null, lot });
  });
  const box = dialog(nameOf(item), [
    shown, keys.element, (item.lots ?? []).length > 1 ? h("div", {}, h("p.label", {}, t("lot")), lots) : null,
    h("div.acts", {}, h("button.button.danger", { onclick: () => { box.close(); change(() => changed(app, at, { quantity: null })); } }, icon("bin"), t("remove")),
      h("button.button.main", { onclick: done }, t("ok"))),
  ], { key: (event) => (event.key === "Enter" ? done() : keys.key(event)) });
}

const plainly = (text) => (text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text).replace(/^0+(?=\d)/, "");

function choices(app, change) {
  return [...app.shop.choices()].map(([name, values]) => {
    const chosen = app.basket.attributes[name] || values[0];
    return h("div.choice", {}, h("span.label", {}, t(`attribute.${name}`)), h("div.chips", {}, ...values.map((value) =>
      h(`button.chip${value === chosen ? ".chosen" : ""}`, { "aria-pressed": String(value === chosen), onclick: () => change(() =>
        app.keep({ ...app.basket, attributes: { ...app.basket.attributes, [name]: value } })) }, value))));
  });
}

function sums(sum) {
  if (!sum) return [];
  const text = totals.told(sum, sum.currency);
  return [
    h("p.sum", {}, h("span", {}, t("net")), h("span", {}, money(text.net, sum.currency))),
    h("p.sum", {}, h("span", {}, t("tax")), h("span", {}, money(text.tax, sum.currency))),
    h("p.sum.total", {}, h("span", {}, t("total")), h("strong", {}, money(text.gross, sum.currency))),
  ];
}

function payButton(app, priced, sum) {
  const isWrong = !sum || priced.some((one) => one.error);
  return h("button.button.main.huge.pay", { disabled: isWrong, onclick: () => app.pay() }, t("pay"));
}

/** How many pieces lie in the basket; what is weighed or measured counts as one. */
function pieces(priced) {
  const isCounted = ({ line, item }) => item.unit === "C62" && /^\d+$/.test(line.quantity);
  return String(priced.reduce((sum, one) => sum + (isCounted(one) ? BigInt(one.line.quantity) : 1n), 0n));
}

function footParts(app, priced) {
  const sum = sumOf(priced);
  return [
    h("span.bubble", {}, pieces(priced)),
    h("span.grow", {}, t("to-basket")),
    h("strong", {}, sum ? money(totals.told(sum, sum.currency).gross, sum.currency) : ""),
    icon("go"),
  ];
}

