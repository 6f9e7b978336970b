// Big digits for thumbs; the same keys work on a keyboard.
import { h, icon } from "../dom.js";
import { t } from "../format.js";

const DIGITS_MAX = 12;
const BURST_MS = 60;

/** Keys that spell a number: {element, key(event), clear()}; `typed(text)` is called with what stands there. */
export function pad({ decimals = true, typed }) {
  let text = "", before = "", last = 0;

  function press(sign) {
    if (sign === "erase") text = text.slice(0, -1);
    else if (sign === "." && (!decimals || text.includes("."))) return;
    else if (text.length + sign.length <= DIGITS_MAX) text = text === "0" && sign !== "." ? sign.replace(/^0+$/, "0") : (text || (sign === "." ? "0" : "")) + sign;
    typed(text);
  }

  const signs = ["7", "8", "9", "4", "5", "6", "1", "2", "3", decimals ? "." : "00", "0", "erase"];
  const element = h("div.pad", {}, ...signs.map((sign) =>
    h("button", { type: "button", onclick: () => press(sign), "aria-label": sign === "erase" ? t("erase") : sign },
      sign === "erase" ? icon("erase") : sign)));

  element.addEventListener("scanned", () => { // a scanner went off over it: its digits are no amount
    text = before;
    typed(text);
  });

  return {
    element,
    key(event) {
      if (event.timeStamp - last > BURST_MS) before = text;
      last = event.timeStamp;
      if (/^\d$/.test(event.key)) press(event.key);
      else if (event.key === "." || event.key === ",") press(".");
      else if (event.key === "Backspace") press("erase");
    },
    set(value) {
      text = value;
      typed(text);
    },
  };
}
