// A slip as it is shown and printed, black on white, with its QR code: on rolls of 58 and 80 mm and on A4, a page each.
import { filled } from "../core/form.js";
import * as qr from "../core/qr.js";
import { qrText } from "../core/slip.js";
import * as totals from "../core/totals.js";
import { h, show, squares } from "../dom.js";
import { moment, money, nameOf, number, t, unit } from "../format.js";
import * as store from "../store.js";
import { dialog } from "./dialog.js";

/** A promise of the slip in `row`, drawn. */
export async function receipt(app, row) {
  const slip = filled(row.signed.slip);
  const parts = slip.kind === "close" ? closeParts(slip) : goodsParts(app, row, slip);
  return h(`article.receipt.w${app.own.paper}`, {}, ...head(app, row, slip), ...parts, ...(await code(row)));
}

/** All rows that were paid together with `row`, itself among them: one for each price book of a basket. */
export async function together(row) {
  if (!row.visit) return [row];
  const { at, of } = row.visit;
  const rows = await Promise.all(Array.from({ length: of }, (_, place) => store.slipAt(row.life, row.n - at + 1 + place)));
  return rows.filter(Boolean);
}

/** From now on the browser's own way to print (Ctrl+P) gives what is shown: its slips, or a line that says there is none. */
export function keepPaper() {
  addEventListener("beforeprint", () => {
    const shown = [...document.querySelectorAll("#till .receipt")].map((one) => one.cloneNode(true));
    show(document.getElementById("paper"), ...(shown.length ? shown : [h("p.no-slip", {}, t("print.none"))]));
  });
}

/** Prints `rows` on the roll that was chosen. */
export async function print(app, rows) {
  const place = document.getElementById("paper");
  show(place, ...(await Promise.all(rows.map((row) => receipt(app, row)))));
  document.body.classList.add("printing");
  globalThis.print();
  document.body.classList.remove("printing");
}

function head(app, row, slip) {
  const firm = app.shop?.firm ?? {};
  const lines = [firm.address, firm.contact, firm.tax_number && `${t("tax-number")} ${firm.tax_number}`].filter(Boolean);
  return [
    h("header", {}, h("strong.firm", {}, firm.name ?? ""), ...lines.map((one) => h("span", {}, one))),
    h("p.kind", {}, t(`kind.${slip.kind}`)),
    h("p.pair", {}, h("span", {}, t("slip-number")), h("span.number", {}, row.number)),
    h("p.pair", {}, h("span", {}, t("when")), h("span", {}, moment(slip.at, app.shop?.ahead ?? (() => 0), { day: true }))),
  ];
}

function goodsParts(app, row, slip) {
  const cur = slip.currency, show_ = (amount) => money(amount, cur);
  const items = slip.lines.map((line) => {
    const item = { id: line.item, ...row.names?.[line.item], ...app.shop?.byId.get(line.item) };
    return h("li", {}, h("span.what", {}, nameOf(item)),
      h("span.pair", {}, h("span", {}, `${number(line.quantity)} ${unit(line.unit)} × ${show_(line.unit_price)}${line.base === "1" ? "" : `/${line.base}`}${slip.basis === "net" ? ` ${t("net-short")}` : ""}`),
        h("span", {}, show_(line.gross))),
      h("small", {}, [line.item, line.lot && `${t("lot")} ${line.lot}`].filter(Boolean).join(" · ")));
  });
  const rates = totals.byRate(slip.lines.map((line) => [line.tax_category, line.tax_percent, totals.read(line, cur)]), cur);
  const chosen = Object.entries(slip.attributes).map(([name, value]) => `${t(`attribute.${name}`)} ${value}`);
  return [
    h("ul.items", {}, ...items),
    chosen.length ? h("p.small", {}, chosen.join(" · ")) : null,
    h("p.pair", {}, h("span", {}, t("net")), h("span", {}, show_(slip.net))),
    ...rates.map((rate) => h("p.pair", {}, h("span", {}, `${t("tax")} ${number(rate.tax_percent)} %`), h("span", {}, show_(rate.tax)))),
    h("p.pair.total", {}, h("span", {}, t(slip.kind === "return" ? "given-back" : "total")), h("span", {}, show_(slip.gross))),
    h("p.pair", {}, h("span", {}, t(`pay.${slip.pay}`)), h("span", {}, row.partnerName ?? (row.given ? show_(row.given) : ""))),
    row.given && Number(row.change) ? h("p.pair", {}, h("span", {}, t("change")), h("span", {}, show_(row.change))) : null,
    row.visit ? h("p.pair", {}, h("span", {}, t("visit", row.visit)), h("span", {}, show_(row.visit.gross))) : null,
    row.ofNumber ? h("p.pair", {}, h("span", {}, t("of-slip")), h("span", {}, row.ofNumber)) : null,
  ].filter(Boolean);
}

function closeParts(slip) {
  const { close, currency } = slip, show_ = (amount) => money(amount, currency);
  return [
    h("p.pair", {}, h("span", {}, t("close.sales")), h("span", {}, String(close.sales))),
    h("p.pair", {}, h("span", {}, t("close.returns")), h("span", {}, String(close.returns))),
    h("ul.items", {}, ...close.ways.map((way) => h("li", {}, h("span.pair", {}, h("span", {}, t(`pay.${way.pay}`)), h("span", {}, show_(way.received))),
      way.returns ? h("span.pair", {}, h("span", {}, t("kind.return")), h("span", {}, show_(`-${way.given_back}`))) : null))),
    ...close.rates.map((rate) => h("p.pair", {}, h("span", {}, `${t("tax")} ${number(rate.tax_percent)} %`), h("span", {}, show_(rate.tax)))),
    ...["opening", "expected", "counted", "difference", "removed", "left"].map((one) =>
      h(`p.pair${one === "difference" ? ".total" : ""}`, {}, h("span", {}, t(`drawer.${one}`)), h("span", {}, show_(close.cash[one])))),
  ];
}

async function code(row) {
  try {
    const { modules } = qr.encode(await qrText(row.signed));
    const caption = row.kind === "sale" ? t("qr.caption") : t("qr.close");
    const drawn = () => squares(modules, t("qr.label"));
    return [h("button.qr-place", { onclick: () => large(drawn()), title: t("qr.large") }, drawn()), h("p.caption", {}, caption)];
  } catch (error) {
    if (error?.code !== "slip.qr-too-long") throw error;
    return [h("p.caption", {}, t("qr.too-long"))];
  }
}

/** The code over the whole screen, on white, so that another phone can read it; a tap anywhere takes it away. */
function large(drawn) {
  const box = dialog(t("qr.label"), [h("button.qr-place", { onclick: () => box.close(), title: t("cancel") }, drawn)],
    { cls: "whole" });
}
