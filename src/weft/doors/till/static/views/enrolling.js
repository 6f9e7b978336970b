// Letting a till in: it shows a code, the owner types it on the firm's computer; then it fetches all that it needs.
import { h, icon, show } from "../dom.js";
import { LANGUAGES, speak, spoken, t, told } from "../format.js";

const ASK_MS = 2_000;

export function view(app) {
  const place = h("div.sheet.stack.door");
  let timer = 0, name = "", isAsking = false, isLeft = false;

  function ask() {
    const field = h("input.field", { name: "name", placeholder: t("enrol.name-hint"), autocomplete: "off", maxlength: "40", value: name });
    show(place, top(), h("h1", {}, t("enrol.title")), h("p.soft", {}, t("enrol.what")),
      h("label.stack.tight", {}, h("span.label", {}, t("enrol.name")), field),
      h("button.button.main.huge.wide", { onclick: () => { name = field.value.trim() || t("title"); isAsking = true; app.attempt(knock); } }, t("enrol.ask")));
  }

  const top = () => h("div.row.apart", {}, h("span.mark", {}, icon("weft")),
    ...Object.entries(LANGUAGES).filter(([code]) => code !== spoken()).map(([code, word]) =>
      h("button.quiet", { lang: code, onclick: () => app.attempt(async () => { await speak(code); app.own.lang = code; await app.setOwn("lang", code); draw(); }) }, word)));

  async function waiting(firm, trouble) {
    const code = await app.codeOf();
    show(place, top(), h("h1", {}, t("enrol.code-title")), h("p.code", { "aria-label": code.split("").join(" ") }, code),
      h("ol.counted", {}, h("li", {}, t("enrol.step.1", { firm: firm ?? "" })), h("li", {}, t("enrol.step.2")), h("li", {}, t("enrol.step.3"))),
      trouble ? h("p.notice.alert", {}, icon("alarm"), told(trouble)) : h("p.soft.waits", {}, h("span.lamp.beat"), t("enrol.waits")));
  }

  async function knock() {
    clearTimeout(timer);
    if (isLeft) return;
    try {
      const asked = await app.knock(name);
      if (asked.state === "open") return await app.ready();
      if (asked.state === "gone") return app.gone();
      await waiting(asked.firm?.name, null);
    } catch (error) {
      await waiting(null, error);
    }
    timer = setTimeout(() => app.attempt(knock), ASK_MS);
  }

  const draw = () => (isAsking ? app.attempt(knock) : ask());
  return {
    draw: () => [h("main.alone", {}, place)],
    entered: draw,
    leave: () => { isLeft = true; clearTimeout(timer); },
  };
}
