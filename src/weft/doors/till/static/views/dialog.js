// A sheet over the page: on a phone it comes from below, on a desk it stands in the middle.
// Rule 1: once it is closed it hears no key any more, not even before the browser has told that it closed.
import { h, icon, show } from "../dom.js";
import { t } from "../format.js";

let current = null;

/** Opens a sheet with `title` and `parts`; {close}. `key` gets what is typed, `closed` is told when it goes. */
export function dialog(title, parts, { key = null, closed = null, cls = "" } = {}) {
  const place = document.getElementById("dialog");
  current?.close();
  const pressed = (event) => {
    const isOnButton = event.target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ");
    if (key && !isOnButton && !(event.target instanceof HTMLInputElement)) key(event);
  };
  const own = {
    close() {
      if (current !== own) return;
      current = null;
      document.removeEventListener("keydown", pressed);
      place.close();
      show(place);
      closed?.();
    },
  };
  current = own;
  place.className = cls;
  show(place, h("header.dialog-head", {}, h("h2", {}, title),
    h("button.round", { onclick: own.close, "aria-label": t("cancel") }, icon("close"))),
  h("div.dialog-body", {}, ...parts.filter(Boolean)));
  document.addEventListener("keydown", pressed);
  place.onclick = (event) => { if (event.target === place) own.close(); };
  place.oncancel = (event) => { // Esc, or a phone's way back
    event.preventDefault();
    own.close();
  };
  place.showModal();
  place.focus();
  return own;
}

/** Closes what is open. */
export function closeAny() {
  current?.close();
}
