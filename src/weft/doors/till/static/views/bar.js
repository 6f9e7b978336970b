// The bar above every view: where we are, the lamp that tells whether the node hears us, and the ways elsewhere.
import { h, icon } from "../dom.js";
import { t } from "../format.js";

/** The bar; with a `title` there is a way back to selling. */
export function bar(app, { title }) {
  const lamps = h("button.lamps", { onclick: () => app.settings(), title: t("lamp.about") });
  lamps.append(...app.lampParts());
  const ways = [["slips", "list", () => app.list()], ["return", "returns", () => app.returns()],
    ["day", "close-day", () => app.close()], ["gear", "settings", () => app.settings()]];
  return h("header.bar", {},
    title ? h("button.round", { onclick: () => app.attempt(() => app.sell()), "aria-label": t("back") }, icon("back"))
      : h("span.mark", {}, icon("weft")),
    h("h1", {}, title || h("span", {}, app.shop?.firm.name ?? app.me?.firmName ?? "", h("small", {}, app.me?.name ?? ""))),
    lamps,
    h("nav.ways", {}, ...ways.map(([drawing, word, go]) =>
      h("button.way", { onclick: go, "aria-label": t(word), title: t(word) }, icon(drawing), h("span", {}, t(word))))));
}
