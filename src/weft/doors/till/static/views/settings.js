// Settings of this till: language, paper, and how it stands with the node and with selling offline.
import * as clock from "../clock.js";
import { h, show } from "../dom.js";
import { LANGUAGES, moment, span, spoken, t, told } from "../format.js";
import * as store from "../store.js";
import { Away } from "../sync.js";
import { bar } from "./bar.js";

export function view(app) {
  const standing = h("dl.facts");

  async function draw() {
    const kept = await navigator.storage?.persisted?.();
    const ready = Boolean(navigator.serviceWorker?.controller);
    const snapshot = await store.get("snapshot");
    const n = await store.waitingCount();
    show(standing,
      ...fact(t("standing.node"), app.line.state === "here" ? t("lamp.here") : t("standing.away"), app.line.state === "here"),
      ...(app.line.state !== "here" && app.lastTrouble && !(app.lastTrouble instanceof Away) ? fact(t("standing.why"), told(app.lastTrouble)) : []),
      ...fact(t("standing.waiting"), n ? t("lamp.waiting-n", { n }) : t("standing.none"), !n),
      ...fact(t("standing.program"), ready ? t("standing.program.yes") : t("standing.program.no"), ready),
      ...fact(t("standing.kept"), kept ? t("standing.kept.yes") : t("standing.kept.no"), kept),
      ...(clock.off() ? fact(t("standing.clock"), t(clock.off() > 0 ? "standing.ahead" : "standing.behind", { time: span(Math.abs(clock.off())) }), false) : []),
      ...fact(t("standing.prices"), snapshot ? moment(snapshot.at, app.shop.ahead, { day: true }) : "–"),
      ...fact(t("standing.number"), `${app.me.name} · ${await app.codeOf()}`));
  }

  return {
    isIdle: true,
    draw: () => [bar(app, { title: t("settings") }), h("main.narrow.stack", {},
      h("section.sheet.stack", {}, h("h2", {}, t("settings.standing")), standing,
        h("button.button", { onclick: () => app.line.now().then(() => app.attempt(draw)) }, t("standing.try"))),
      h("section.sheet.stack", {}, h("h2", {}, t("settings.language")), h("div.chips.big", {}, ...Object.entries(LANGUAGES).map(([code, name]) =>
        h(`button.chip${spoken() === code ? ".chosen" : ""}`, { lang: code, onclick: () => app.attempt(() => app.setLanguage(code)) }, name)))),
      h("section.sheet.stack", {}, h("h2", {}, t("settings.paper")), h("div.chips.big", {}, ...[58, 80, 210].map((width) =>
        h(`button.chip${app.own.paper === width ? ".chosen" : ""}`, { onclick: () => app.attempt(() => app.setOwn("paper", width)).then(() => app.settings()) }, width === 210 ? "A4" : `${width} mm`)))),
      h("section.sheet.stack", {}, h("h2", {}, t("settings.keys")), h("ul.keys", {}, ...["scan", "search", "pay", "enter", "escape"].map((one) => h("li", {}, t(`keys.${one}`))))))],
    entered: () => app.attempt(draw),
    news: () => app.attempt(draw),
  };
}

function fact(label, value, good) {
  return [h("dt", {}, label), h("dd", {}, good === undefined ? null : h(`span.lamp${good ? ".on" : ".off"}`), value)];
}

