// Day close: what was sold and taken back, by way of payment; the cash is counted, and a slip of it is made.
import * as core from "../core/closing.js";
import * as totals from "../core/totals.js";
import { h, icon, show } from "../dom.js";
import { major, minor, money, t, told } from "../format.js";
import { bar } from "./bar.js";

const COINS = { CNY: ["100", "50", "20", "10", "5", "1", "0.5", "0.1"], EUR: ["100", "50", "20", "10", "5", "2", "1", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01"],
  USD: ["100", "50", "20", "10", "5", "1", "0.25", "0.1", "0.05", "0.01"], GBP: ["50", "20", "10", "5", "2", "1", "0.5", "0.2", "0.1", "0.05", "0.02", "0.01"] };

export function view(app) {
  const place = h("div.stack");
  let day = null, currency = "", isBusy = false;
  const typed = { opening: "", counted: "", removed: "" };

  const field = (name, change) => h("label.money-field", {}, h("span", {}, t(`drawer.${name}`)),
    h("input.field", { inputmode: "decimal", autocomplete: "off", name, value: typed[name], placeholder: "0",
      oninput: (event) => { typed[name] = event.target.value.trim(); change(); } }));

  function cash() {
    const read = (name, standard) => {
      const units = typed[name] === "" ? standard : minor(typed[name], currency);
      return units === null ? null : major(units, currency);
    };
    const opening = day.opening || read("opening", 0n), counted = read("counted", null), removed = read("removed", 0n);
    return opening === null || counted === null || removed === null ? null : { opening, counted, removed };
  }

  function draw() {
    if (!day.rows.length) {
      return show(place, h("div.sheet.empty", {}, icon("day"), h("h2", {}, t("close.nothing")), h("p", {}, t("close.nothing.next"))));
    }
    const slips = day.rows.map((row) => row.signed.slip);
    const zero = major(0n, currency);
    const so = core.close(slips, currency, day.first, { opening: day.opening || zero, counted: zero, removed: zero });
    const result = h("p.due"), coins = h("div.coins"), act = h("button.button.main.huge.wide", { onclick: () => done() }, t("close.act"));

    function judge() {
      const given = cash();
      let summed = null;
      try {
        summed = given && core.close(slips, currency, day.first, given);
      } catch (error) {
        act.disabled = true;
        return show(result, h("span.alert", {}, told(error)));
      }
      act.disabled = !summed;
      const expected = core.close(slips, currency, day.first, { opening: given?.opening ?? (day.opening || zero), counted: zero, removed: zero }).cash.expected;
      const wrong = summed && Number(summed.cash.difference) !== 0;
      return show(result, h("span", {}, t("drawer.expected")), h("strong", {}, money(expected, currency)),
        summed ? h(`small${wrong ? ".alert" : ".good"}`, {}, wrong ? t("close.difference", { amount: signed(summed.cash.difference) }) : t("close.fits")) : h("small", {}, t("close.count")));
    }

    const counted = field("counted", judge);
    drawCoins(coins, (sum) => {
      typed.counted = sum;
      counted.querySelector("input").value = sum;
      judge();
    });
    show(place,
      h("section.sheet.stack", {}, h("h2", {}, t("close.so-far")),
        h("div.figures", {}, figure(String(so.sales), t("close.sales")), figure(String(so.returns), t("close.returns")),
          figure(money(sumOf(so), currency), t("total"))),
        ...so.ways.map((way) => h("p.sum", {}, h("span.with-icon", {}, icon(way.pay), t(`pay.${way.pay}`)),
          h("span", {}, `${money(way.received, currency)}${way.returns ? ` − ${money(way.given_back, currency)}` : ""}`)))),
      h("section.sheet.stack", {}, h("h2", {}, t("close.drawer")),
        day.opening ? h("p.sum", {}, h("span", {}, t("drawer.opening")), h("span", {}, money(day.opening, currency))) : field("opening", judge),
        counted, COINS[currency] ? h("details", {}, h("summary", {}, t("close.by-coin")), coins) : null, field("removed", judge), result, act));
    return judge();
  }

  const signed = (amount) => `${amount.startsWith("-") ? "" : "+"}${money(amount, currency)}`;
  const sumOf = (close) => totals.told(totals.total(close.rates.map((rate) => totals.read(rate, currency))), currency).gross;

  function drawCoins(coins, changed) {
    const counts = new Map();
    show(coins, ...(COINS[currency] ?? []).map((coin) => h("label", {}, h("span", {}, money(coin, currency).replace(/\.00$/, "")),
      h("input.field", { inputmode: "numeric", placeholder: "0", autocomplete: "off", oninput: (event) => {
        counts.set(coin, /^\d{1,6}$/.test(event.target.value) ? BigInt(event.target.value) : 0n);
        let sum = 0n;
        for (const [one, count] of counts) sum += (minor(one, currency) ?? 0n) * count;
        changed(major(sum, currency));
      } }))));
  }

  async function done() {
    const given = cash();
    if (isBusy || !given) return;
    isBusy = true;
    await app.attempt(async () => {
      const row = await app.chain.close(currency, given, {});
      app.counted(row);
      app.slip(row, true);
      app.line.now();
    });
    isBusy = false;
  }

  return {
    draw: () => [bar(app, { title: t("close-day") }), h("main.narrow", {}, h("div.clock", {}, ...app.clockParts()), place)],
    entered: () => app.attempt(async () => {
      day = await app.chain.day(app.shop.snapshot.currency ?? "CNY");
      ({ currency } = day);
      draw();
    }),
  };
}

const figure = (value, label) => h("p.figure", {}, h("strong", {}, value), h("span", {}, label));

