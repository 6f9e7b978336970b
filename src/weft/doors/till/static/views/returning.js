// Returns: find the slip (its QR code, its number, or today's list), choose what comes back, pay it back.
// Rule 1: a slip that another till made counts when its signature holds and its till is known, here or at the node;
// of a till that was let go the node alone knows which slips are true: a thief may hold its key.
// Rule 2: while the node can be asked, what came back at other tills counts, too; else it is found by the node later.
import { filled } from "../core/form.js";
import { unb64 } from "../core/canonical.js";
import * as returns from "../core/returns.js";
import { fromQr, hashOf, numberOf, parse } from "../core/slip.js";
import * as totals from "../core/totals.js";
import * as verify from "../core/verify.js";
import { WeftError } from "../core/errors.js";
import { fractionOf } from "../core/exact.js";
import { h, icon, show } from "../dom.js";
import { listed, money, moment, nameOf, number, t, told, unit } from "../format.js";
import { hasCamera, look } from "../scan.js";
import { stepped } from "../shop.js";
import * as store from "../store.js";
import { slipElsewhere, slipNumbered } from "../sync.js";
import { bar } from "./bar.js";
import { dialog } from "./dialog.js";

const NUMBER = /^[0-9a-f]{4}-[1-9]\d*$/i;
const MONTH_MS = 31 * 86_400_000;

/** Returns: with a sale (a row) straight to its lines, else the search for it. */
export function view(app, row = null) {
  return row ? choosing(app, row) : seeking(app);
}

/** From the text of a QR code to the lines of its slip. */
export function bySlip(app, text) {
  return app.attempt(async () => app.returns(await rowOf(app, await fromQr(text))));
}

/** From the number on a slip of another till to its lines, as the node holds it; without the node only its code will do. */
function byNumber(app, number) {
  return app.attempt(async () => {
    const told = await slipNumbered(number).catch((error) => {
      throw error?.status === 404 ? new WeftError("till.no-number", { number }) : new WeftError("till.number-away");
    });
    await app.returns(await rowOf(app, { slip: parse(unb64(told.bytes)), signature: told.signature }));
  });
}

/** The row of a signed slip that came from outside: of this till, or of another that we may believe. */
async function rowOf(app, signed) {
  const hash = await hashOf(signed.slip);
  const own = await store.slipOf(hash);
  if (own) return own;
  const wrong = await verify.verify(signed);
  if (wrong.length) throw new WeftError(wrong[0].code, wrong[0].facts);
  if (signed.slip.firm !== app.me.firm) throw new WeftError("till.other-firm");
  return { hash, at: signed.slip.at, number: await numberOf(signed.slip), signed, elsewhere: true,
    isKnown: await isKnown(app, signed.slip.till, hash) };
}

async function isKnown(app, till, hash) {
  if (till === app.signer.public) return true;
  if (app.shop.snapshot.tills?.some((one) => one.key === till && !one.gone)) return true;
  try {
    await slipElsewhere(hash);
    return true;
  } catch (error) {
    if (error?.status === 404) throw new WeftError("till.slip-unknown");
    return false;
  }
}

/** The returns of the sale `hash`: those of this till, and those of others that the node holds. */
async function earlierOf(hash) {
  const known = new Map((await store.returnsOf(hash)).map((one) => [one.hash, one.signed.slip]));
  const told = await slipElsewhere(hash).catch(() => null); // not to be asked now, or it has not heard of the sale yet
  for (const { bytes } of told?.returns ?? []) {
    const slip = parse(unb64(bytes));
    known.set(await hashOf(slip), slip);
  }
  return [...known.values()];
}

function seeking(app) {
  const field = h("input.search", { type: "search", placeholder: t("return.seek"), "aria-label": t("return.seek"), autocomplete: "off",
    autocapitalize: "off", spellcheck: "false" });
  const place = h("div.sheet.flush");
  let rows = [];

  function draw() {
    const sought = field.value.trim().toLowerCase();
    const found = rows.filter((row) => row.number.toLowerCase().includes(sought) || row.number.toLowerCase().endsWith(`-${sought}`)).slice(0, 60);
    show(place, found.length ? h("ul.list", {}, ...found.map((row) => line(app, row)))
      : h("div.empty", {}, icon("return"), h("h2", {}, t("return.none")), h("p", {}, t("return.none.next"))));
  }

  field.oninput = draw;
  field.onkeydown = (event) => {
    if (event.key !== "Enter") return;
    const text = field.value.trim();
    if (text.startsWith("WEFT-SLIP:")) bySlip(app, text);
    else {
      const only = rows.filter((row) => row.number.toLowerCase() === text.toLowerCase());
      if (only.length === 1) app.returns(only[0]);
      else if (NUMBER.test(text)) byNumber(app, text);
    }
  };
  const camera = hasCamera() ? h("button.button", { onclick: () => lookFor(app) }, icon("camera"), t("camera")) : null;
  return {
    draw: () => [bar(app, { title: t("returns") }), h("main.narrow", {}, h("p.hint", {}, t("return.how")),
      h("div.row", {}, h("div.searching.grow", {}, icon("search"), field), camera), place)],
    entered: () => app.attempt(async () => {
      field.focus({ preventScroll: true });
      const all = await store.latest(new Date(Date.now() - MONTH_MS).toISOString(), 2_000);
      rows = all.filter((row) => row.kind === "sale");
      draw();
    }),
    scanned: (_, whole) => { field.value = whole; draw(); },
  };
}

function lookFor(app) {
  const video = h("video.camera", { playsinline: true, muted: true });
  const stop = new AbortController();
  const box = dialog(t("camera"), [video, h("p.hint", {}, t("camera.how"))], { closed: () => stop.abort() });
  app.attempt(async () => {
    const text = await look(video, stop.signal);
    box.close();
    if (text) await bySlip(app, text);
  }).finally(() => stop.abort());
}

function line(app, row) {
  const slip = row.signed.slip;
  const names = slip.lines.map((one) => nameOf({ id: one.item, ...row.names?.[one.item] }));
  return h("li", {}, h("button.list-line", { onclick: () => app.returns(row), data: { slip: row.hash } },
    h("span.face", {}, icon(slip.pay)),
    h("span.grow", {}, h("strong", {}, `${moment(row.at, app.shop.ahead)} · ${row.number}`), h("small.cut", {}, listed(names))),
    h("span.amount", {}, money(slip.gross, slip.currency)), icon("go")));
}

function choosing(app, row) {
  const sale = filled(row.signed.slip), cur = sale.currency;
  const place = h("div"), foot = h("div.stack");
  let left = [], earlier = [], pay = sale.pay, isBusy = false;
  const wanted = sale.lines.map(() => null);

  async function draw() {
    const chosen = wanted.map((quantity, at) => [at + 1, quantity]).filter(([, quantity]) => quantity !== null);
    let sum = null, wrong = null, back = {};
    try {
      const lines = chosen.length ? await returns.lines(row.signed.slip, earlier, chosen) : [];
      back = Object.fromEntries(lines.map((one, place) => [chosen[place][0], one.gross]));
      sum = totals.told(totals.total(lines.map((one) => totals.read(one, cur))), cur);
    } catch (error) {
      wrong = error;
    }
    show(place, h("ul.lines.sheet", {}, ...sale.lines.map((one, at) => returnLine(one, at, back[at + 1]))));
    const ways = sale.partner ? ["account"] : ["cash", "transfer"];
    show(foot,
      wrong ? h("p.alert", {}, told(wrong)) : null,
      h("p.due", {}, h("span", {}, t("to-give-back")), h("strong", {}, money(sum?.gross ?? "0", cur))),
      h("div.tabs", {}, ...ways.map((one) => h(`button.tab${one === pay ? ".chosen" : ""}`, { data: { way: one }, onclick: () => { pay = one; draw(); } }, icon(one), t(`pay.${one}`)))),
      h("button.button.main.huge.wide", { disabled: !chosen.length || wrong, onclick: () => act(chosen) }, t("return.done")));
  }

  function returnLine(one, at, gross) {
    const item = { id: one.item, ...row.names?.[one.item], ...app.shop.byId.get(one.item) };
    const most = left[at] ?? one.quantity, isGone = fractionOf(most).n <= 0n;
    const step = (by) => {
      const next = wanted[at] === null ? (by > 0 ? (fractionOf(most).n < fractionOf(most).d ? most : "1") : null) : stepped(wanted[at], by);
      wanted[at] = next;
      draw();
    };
    return h("li.line", { data: { line: at + 1 } },
      h("span.line-name", {}, h("span", {}, nameOf(item)), h("small", {}, isGone ? t("return.all-back") : t("return.left", { quantity: number(most), unit: unit(one.unit) }))),
      h("span.stepper", {}, h("button", { onclick: () => step(-1), disabled: wanted[at] === null, "aria-label": t("less") }, "−"),
        h("button.count", { disabled: isGone, onclick: () => { wanted[at] = most; draw(); } }, number(wanted[at] ?? "0")),
        h("button", { onclick: () => step(1), disabled: isGone, "aria-label": t("one-more") }, "+")),
      h("span.line-sum", {}, gross ? money(gross, cur) : "–"));
  }

  async function learn() {
    earlier = await earlierOf(row.hash);
    left = await returns.left(row.signed.slip, earlier);
  }

  async function act(chosen) {
    if (isBusy) return;
    isBusy = true;
    await app.attempt(async () => {
      await learn();
      await draw();
      const made = await app.chain.giveBack(row.signed.slip, earlier, chosen, pay, sale.partner,
        { names: row.names ?? {}, ofNumber: row.number, partnerName: row.partnerName });
      app.counted(made);
      app.slip(made, true);
      app.line.now();
    });
    isBusy = false;
  }

  return {
    draw: () => [bar(app, { title: t("returns") }), h("main.narrow.returning", {},
      h("p.hint", {}, t("return.of", { number: row.number, when: moment(row.at, app.shop.ahead, { day: true }) })),
      row.elsewhere && !row.isKnown ? h("p.notice.alert", {}, icon("alarm"), t("return.unknown-till")) : null, place, h("div.sheet.stack", {}, foot))],
    entered: () => app.attempt(async () => {
      if (sale.kind !== "sale") throw new WeftError("slip.return-of");
      earlier = (await store.returnsOf(row.hash)).map((one) => one.signed.slip);
      left = await returns.left(row.signed.slip, earlier);
      await draw();
      await learn();
      await draw();
    }),
  };
}

