// A sheet over the page: on a phone it comes from below, on a desk it stands in the middle.
import { h, icon, show } from "../dom.js";
import { t } from "../format.js";

/** Opens a sheet with `title` and `parts`; {close}. `key` gets what is typed, `closed` is told when it goes. */
export function dialog(title, parts, { key = null, closed = null, cls = "" } = {}) {
  const place = document.getElementById("dialog");
  if (place.open) place.close();
  place.className = cls;
  show(place, h("header.dialog-head", {}, h("h2", {}, title),
    h("button.round", { onclick: () => place.close(), "aria-label": t("cancel") }, icon("close"))), h("div.dialog-body", {}, ...parts.filter(Boolean)));
  place.onkeydown = (event) => {
    if (key && !(event.target instanceof HTMLInputElement)) key(event);
  };
  place.onclick = (event) => { if (event.target === place) place.close(); };
  place.onclose = () => {
    show(place);
    place.onclose = null;
    closed?.();
  };
  place.showModal();
  place.focus();
  return { close: () => place.close() };
}
