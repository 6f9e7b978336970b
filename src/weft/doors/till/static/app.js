// The till as a whole: starts, holds what all views share, and leads from one view to the next.
// Rule 1: whatever happens, the page that sells comes up: with the network down, after a crash, with a full disk told.
// Not here: the views (views/), the chain (chain.js), the line to the node (sync.js).
import { Chain } from "./chain.js";
import * as clock from "./clock.js";
import { check, key } from "./core/signature.js";
import { h, icon, show } from "./dom.js";
import { LANGUAGES, span, speak, spoken, t, told } from "./format.js";
import { isLess, fractionOf, plus } from "./core/exact.js";
import { SLIP, buzz, listen } from "./scan.js";
import { shopOf } from "./shop.js";
import * as store from "./store.js";
import { Line, codeOf, comeIn, enrol } from "./sync.js";
import * as closing from "./views/closing.js";
import { closeAny } from "./views/dialog.js";
import * as enrolling from "./views/enrolling.js";
import * as paying from "./views/paying.js";
import { keepPaper } from "./views/receipt.js";
import * as returning from "./views/returning.js";
import * as selling from "./views/selling.js";
import * as settings from "./views/settings.js";
import * as slips from "./views/slips.js";

const ROOT = document.getElementById("till");
const TOAST_MS = 3_500;
const HOUR_MS = 3_600_000;
const NOTHING = { id: "", lines: [], attributes: {} };

/** What the views know and may ask for. */
class App {
  signer = null;
  chain = null;
  shop = null;
  line = null;
  me = null; // {name, firm, since}
  basket = NOTHING;
  own = { lang: "", paper: 80 };
  sold = new Map(); // item to what was sold and is not yet counted by the node
  often = {};
  view = null;
  waiting = 0;
  heardKept = 0;

  // ---- starting

  async start() {
    await speak(startLanguage());
    keepPaper();
    await check();
    await store.open(() => this.stop("till.browser-storage"));
    this.own = { ...this.own, ...(await store.get("own")) };
    if (this.own.lang && this.own.lang !== spoken()) await speak(this.own.lang);
    await this.#alone();
    keepProgram(this);
    this.signer = await key();
    this.me = (await store.get("me")) ?? null;
    listen((code, whole) => this.scanned(whole.startsWith(SLIP) ? whole : code, whole));
    document.addEventListener("keydown", (event) => this.view?.key?.(event));
    document.addEventListener("click", (event) => { // what a finger pressed does not catch the next Enter
      if (event.detail > 0 && document.activeElement instanceof HTMLButtonElement) document.activeElement.blur();
    });
    if (this.me) await this.ready();
    else this.go(enrolling.view(this));
  }

  /** Only one page of this browser may write: others wait until it is closed. */
  async #alone() {
    if (!navigator.locks) return;
    const isFirst = await new Promise((answer) => {
      navigator.locks.request("weft-till", { ifAvailable: true }, (lock) => {
        answer(lock !== null);
        return lock === null ? null : new Promise(() => {});
      });
    });
    if (isFirst) return;
    show(ROOT, notice("alarm", t("elsewhere"), t("elsewhere.next")));
    await new Promise((answer) => {
      navigator.locks.request("weft-till", () => {
        answer();
        return new Promise(() => {});
      });
    });
    show(ROOT);
  }

  /** The till is let in: get everything ready and sell. */
  async ready() {
    this.chain = new Chain(this.signer, this.me.firm);
    this.chain.held = true;
    await this.chain.load();
    this.basket = (await store.get("basket")) ?? NOTHING;
    this.often = (await store.get("often")) ?? {};
    const snapshot = await store.get("snapshot");
    for (const at of [Date.parse(snapshot?.at), await store.get("heard")]) clock.remembered(at);
    this.shop = await shopOf(snapshot);
    await this.count();
    this.line = new Line({
      signer: this.signer, name: this.me.name,
      trouble: (error) => { this.lastTrouble = error; },
      lamp: (state) => {
        if (state === "here" && this.wasHere === false) this.update?.(); // it may have a new program for us
        this.wasHere = state === "here";
        this.lamp();
      },
      sent: () => this.count().then(() => this.view?.sent?.()),
      left: (n) => { this.waiting = n; this.lamp(); },
      news: (snapshot) => this.news(snapshot),
      doubted: (life) => this.#doubted(life),
      state: (asked) => { if (asked.state === "gone") this.gone(); },
    });
    const showing = await store.get("showing");
    const row = showing ? await store.slipOf(showing) : null;
    this.go(row ? slips.view(this, row, { fresh: true }) : selling.view(this));
    this.line.now();
    this.chain.tidy().catch(() => {});
  }

  /** What is sold here and not yet counted at the node. */
  async count() {
    const rows = await store.waiting(10_000);
    this.waiting = 0;
    this.sold = new Map();
    for (const row of rows) this.counted(row);
  }

  /** One more slip that the node does not know yet. */
  counted({ kind, signed }) {
    this.waiting += 1;
    for (const line of signed.slip.lines ?? []) {
      const sign = kind === "return" ? `-${line.quantity}` : line.quantity;
      this.sold.set(line.item, plus(this.sold.get(line.item) ?? fractionOf("0"), fractionOf(sign)));
    }
  }

  /** How much of `item` is left as far as the till knows: a fraction, or null. */
  left(item) {
    if (item.free === undefined) return null;
    const sold = this.sold.get(item.id) ?? fractionOf("0");
    return plus(fractionOf(item.free), { n: -sold.n, d: sold.d });
  }

  /** Whether `quantity` is more than is left. */
  isShort(item, quantity) {
    const left = this.left(item);
    return left !== null && isLess(left, fractionOf(quantity));
  }

  // ---- news of the node

  async news(snapshot) {
    if (snapshot.state === "gone") return this.gone();
    await this.#compare(snapshot.till?.lives ?? {});
    await store.put("snapshot", snapshot);
    this.me = { ...this.me, name: snapshot.till?.name || this.me.name, firm: snapshot.firm.id };
    await store.put("me", this.me);
    this.shop = await shopOf(snapshot);
    await this.count();
    this.lamp();
    this.view?.news?.();
  }

  /** What the node holds of this till: less, and it is sent again; other than ours, and a new life begins. */
  async #compare(lives) {
    const { head } = this.chain;
    const there = lives[head.life];
    if (!head.n && !there) return;
    if (there && (there.n > head.n || !(await this.#isOurs(head, there)))) return this.chain.newLife();
    await store.settle(head.life, there?.n ?? 0);
    if ((there?.n ?? 0) < head.n) this.line.again = true;
  }

  async #isOurs(head, there) {
    if (!there.n) return true;
    const row = await store.slipAt(head.life, there.n);
    return !row || row.hash === there.hash;
  }

  async #doubted(life) {
    if (this.chain.head.life === life) await this.chain.newLife();
  }

  /** The owner has let this till go: what waits is still sent, nothing new is sold. */
  gone() {
    this.isGone = true;
    this.go({ draw: () => [notice("alarm", t("gone"), t("gone.next"))] });
  }

  /** Nothing can be kept any more: nothing is sold any more, and the page says so. */
  stop(code) {
    this.go({ draw: () => [notice("alarm", t("stopped"), t(`error.${code}`),
      h("button.button.main", { onclick: () => location.reload() }, t("load-again")))] });
  }

  // ---- leading

  go(view) {
    this.view?.leave?.();
    this.view = view;
    show(ROOT, view.draw());
    view.entered?.();
  }

  /** Back to selling; what was shown is put aside. */
  async sell() {
    await store.putLightly("showing", "");
    this.basket = (await store.get("basket")) ?? NOTHING;
    this.go(selling.view(this));
  }

  pay() {
    if (this.basket.lines.length) paying.open(this);
  }

  slip(row, fresh = false) {
    this.go(slips.view(this, row, { fresh }));
  }

  list() {
    this.go(slips.list(this));
  }

  returns(sale = null) {
    this.go(returning.view(this, sale));
  }

  close() {
    this.go(closing.view(this));
  }

  settings() {
    this.go(settings.view(this));
  }

  async scanned(code, whole = code) {
    const dialog = document.getElementById("dialog");
    if (dialog.open && !code.startsWith(SLIP)) {
      buzz();
      return this.toast(t("scanned-later", { code: code.slice(0, 40) }), "alert");
    }
    if (code.startsWith(SLIP)) {
      closeAny();
      return returning.bySlip(this, code);
    }
    if (!this.view?.scanned) await this.sell();
    return this.view.scanned(code, whole);
  }

  // ---- the basket

  async keep(basket) {
    this.basket = { ...basket, id: basket.id || crypto.randomUUID() };
    await store.putLightly("basket", this.basket);
  }

  async empty() {
    await this.keep(NOTHING);
  }

  async setLanguage(lang) {
    await speak(lang);
    this.own.lang = lang;
    await store.put("own", this.own);
    this.settings();
  }

  async setOwn(name, value) {
    this.own[name] = value;
    await store.put("own", this.own);
  }

  // ---- telling

  /** The lamp's place, filled anew whenever something changes. */
  lamp() {
    for (const place of document.querySelectorAll(".lamps")) show(place, ...this.lampParts());
    for (const place of document.querySelectorAll(".clock")) show(place, ...this.clockParts());
    if (clock.last() > this.heardKept + HOUR_MS) {
      this.heardKept = clock.last();
      store.putLightly("heard", this.heardKept).catch(() => {});
    }
  }

  /** What is to be said of a clock that is far off; nothing when it is right. */
  clockParts() {
    const off = clock.off();
    return off ? [h("p.notice.alert", {}, icon("alarm"), t(off > 0 ? "clock.ahead" : "clock.behind", { time: span(Math.abs(off)) }))] : [];
  }

  lampParts() {
    const state = this.line?.state ?? "unknown", n = this.waiting;
    const kind = state === "here" ? "on" : state === "unknown" ? "" : "off";
    const words = state === "here" ? (n ? t("lamp.sending", { n }) : t("lamp.here"))
      : state === "unknown" ? t("lamp.looking") : n ? t("lamp.waiting", { n }) : t("lamp.away");
    return [h(`span.lamp${kind ? `.${kind}` : ""}`), h("span.lamp-words", {}, words)];
  }

  toast(words, kind = "") {
    const place = document.getElementById("toast");
    show(place, h(`p.${kind || "plain"}`, {}, words));
    if (place.matches(":popover-open")) place.hidePopover();
    place.showPopover(); // above what is open
    clearTimeout(this.toasting);
    this.toasting = setTimeout(() => { show(place); place.hidePopover(); }, kind === "alert" ? 2 * TOAST_MS : TOAST_MS);
  }

  /** Does `work`; what goes wrong is told and changes nothing. */
  async attempt(work) {
    try {
      return await work();
    } catch (error) {
      if (error?.name !== "AbortError") this.toast(told(error), "alert");
      return undefined;
    }
  }

  codeOf() {
    return codeOf(this.signer.public);
  }

  /** Ask to be a till until the owner has said yes. */
  async knock(name) {
    const asked = await enrol(this.signer.public, name);
    if (asked.state === "open") {
      await comeIn(this.signer, asked);
      this.me = { name, firm: asked.firm.id, firmName: asked.firm.name };
      await store.put("me", this.me);
    }
    return asked;
  }
}

/** A message that fills the page. */
export function notice(drawing, words, next, ...more) {
  return h("main.alone", {}, h("div.sheet.stack", {}, icon(drawing), h("h1", {}, words), h("p.soft", {}, next), ...more));
}

function startLanguage() {
  const liked = (navigator.languages ?? ["zh"]).map((one) => one.slice(0, 2)).find((one) => LANGUAGES[one]);
  return liked ?? "zh";
}

/** Have the browser keep the program and the data; take over a new program when nothing is in the middle. */
async function keepProgram(app) {
  navigator.storage?.persist?.().catch(() => {});
  if (!("serviceWorker" in navigator)) return;
  const had = Boolean(navigator.serviceWorker.controller);
  navigator.serviceWorker.addEventListener("controllerchange", () => { if (had) location.reload(); });
  try {
    const registered = await navigator.serviceWorker.register("/till/worker.js", { scope: "/till", updateViaCache: "none" });
    const offer = () => {
      const isIdle = !app.basket.lines.length && !document.getElementById("dialog").open && app.view?.isIdle;
      if (registered.waiting && (isIdle || !had)) registered.waiting.postMessage("take-over");
    };
    app.update = () => registered.update().catch(() => {});
    setInterval(offer, 5_000);
    setInterval(app.update, HOUR_MS);
  } catch (error) {
    app.programTrouble = error;
  }
}

const app = new App();
app.start().catch(async (error) => {
  const insecure = error?.code === "till.browser-insecure";
  const more = insecure ? [h("a.button.main", { href: "/trust" }, t("trust"))] : [];
  show(ROOT, notice("alarm", insecure ? t("insecure") : t("cannot"), insecure ? t("insecure.next") : told(error), ...more));
});
