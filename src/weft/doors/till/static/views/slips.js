// One slip, just made or looked up again; and the list of today's.
import { h, icon, show } from "../dom.js";
import { dayOf, moment, money, t } from "../format.js";
import * as store from "../store.js";
import { bar } from "./bar.js";
import { print, receipt, together } from "./receipt.js";

const DAY_MS = 86_400_000;
const LISTED_MAX = 500, DAYS_MAX = 31;

/** The slip `row`; `fresh`: it was made this moment, so the next step is the next customer. */
export function view(app, row, { fresh }) {
  const place = h("div.receipt-place");
  const slip = row.signed.slip;
  const next = () => app.attempt(() => (fresh ? app.sell() : app.list()));
  const acts = h("div.slip-acts", {},
    h("button.button.main.huge", { onclick: next }, fresh ? t("next-customer") : t("back")),
    h("div.acts", {},
      h("button.button", { onclick: () => app.attempt(async () => print(app, await shown())) }, icon("print"), t("print")),
      slip.kind === "sale" ? h("button.button", { onclick: () => app.returns(row) }, icon("return"), t("return-of-it")) : null));
  const said = h("div.said", {}, ...headline(row, slip));
  const sent = h("p.sent", {});

  const shown = async () => (fresh ? together(row) : [row]); // the customer before us gets all; later each is by itself

  async function drawSent() {
    const now = await store.slipAt(row.life, row.n);
    show(sent, icon(now?.waiting ? "wait" : "done"), now?.waiting ? t("kept-here") : t("sent"));
  }

  return {
    draw: () => [bar(app, { title: t(`kind.${slip.kind}`) }), h("main.slip-page", {}, h("section.slip-side", {}, said, sent, acts), place)],
    entered() {
      app.attempt(async () => show(place, ...(await Promise.all((await shown()).map((one) => receipt(app, one))))));
      drawSent();
    },
    news: drawSent,
    sent: drawSent,
    scanned: fresh ? undefined : (code, whole) => app.sell().then(() => app.view.scanned(code, whole)),
    key(event) {
      if (document.getElementById("dialog").open) return;
      if (event.key === "Enter" && event.target === document.body) next();
      else if (event.key === "Escape") next();
    },
  };
}

function headline(row, slip) {
  if (slip.kind === "close") return [h("span.tick", {}, icon("done")), h("h2", {}, t("close.done"))];
  const change = row.given && Number(row.change) > 0, gross = row.visit?.gross ?? slip.gross;
  return [
    h("span.tick", {}, icon("done")),
    change ? h("h2.huge", {}, h("small", {}, t("change")), money(row.change, slip.currency))
      : h("h2.huge", {}, h("small", {}, t(slip.kind === "return" ? "given-back" : `paid.${slip.pay}`)), money(gross, slip.currency)),
    row.visit ? h("p.soft", {}, t("books", { n: row.visit.of })) : null,
    change ? h("p.soft", {}, t("of-given", { total: money(gross, slip.currency), given: money(row.given, slip.currency) })) : null,
    row.partnerName ? h("p.soft", {}, row.partnerName) : null,
  ].filter(Boolean);
}

/** Today's slips, newest first; the days before on demand, as long as there is one. */
export function list(app) {
  const place = h("div.sheet.flush");
  let days = 1;

  async function since(count) {
    const today = Date.parse(`${dayOf(new Date().toISOString(), app.shop.ahead)}T00:00:00Z`);
    const first = new Date(today - (count - 1) * DAY_MS).toISOString();
    const rows = await store.latest(new Date(Date.parse(first) - DAY_MS).toISOString(), LISTED_MAX); // no place is a day ahead
    return rows.filter((row) => dayOf(row.at, app.shop.ahead) >= first.slice(0, 10));
  }

  async function draw() {
    const all = await since(DAYS_MAX);
    let rows = days < DAYS_MAX ? await since(days) : all;
    if (days === 7 && rows.length === (await since(1)).length) rows = all; // a press always brings something
    show(place, rows.length ? h("ul.list", {}, ...rows.map((row) => line(app, row)))
      : h("div.empty", {}, icon("slips"), h("h2", {}, t("no-slips")), h("p", {}, t("no-slips.next"))),
    rows.length < all.length ? h("button.button.wide.older", { onclick: () => { days = days === 1 ? 7 : DAYS_MAX; app.attempt(draw); } }, t("older")) : null);
  }

  return {
    draw: () => [bar(app, { title: t("list") }), h("main.narrow", {}, place)],
    entered: () => app.attempt(draw),
    news: () => app.attempt(draw),
  };
}

function line(app, row) {
  const slip = row.signed.slip;
  const drawing = slip.kind === "close" ? "day" : slip.kind === "return" ? "return" : slip.pay;
  const amount = slip.kind === "close" ? "" : money(`${slip.kind === "return" ? "-" : ""}${slip.gross}`, slip.currency);
  return h("li", {}, h("button.list-line", { onclick: () => app.slip(row), data: { slip: row.hash } },
    h(`span.face${slip.kind === "return" ? ".alert" : ""}`, {}, icon(drawing)),
    h("span.grow", {}, h("strong", {}, moment(row.at, app.shop.ahead)), h("small", {}, `${row.number}${slip.kind === "sale" ? "" : ` · ${t(`kind.${slip.kind}`)}`}${row.partnerName ? ` · ${row.partnerName}` : ""}`)),
    h("span.amount", {}, amount),
    h(`span.state${row.waiting ? ".waiting" : ""}`, { title: row.waiting ? t("kept-here") : t("sent") }, icon(row.waiting ? "wait" : "done"))));
}
