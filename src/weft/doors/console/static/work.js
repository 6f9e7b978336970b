// What a worker enters is kept in this page's own store until the node has it: sent in order, each once, also after a
// reload and without a network in between. Without scripts the same forms are sent as they stand.
"use strict";
(() => {
  const PREFIX = "weft-work:", SKEW = "weft-work-skew", AGAIN_MS = 4000, LOCKED = [401, 403];
  const AFTER = { start: "working", resume: "working", pause: "paused", done: "over" };
  const panel = () => document.getElementById("work");
  if (!panel()) return;
  const me = () => panel().dataset.me, job = () => panel().dataset.work;
  const words = JSON.parse(panel().dataset.words);
  let last = 0, sending = false, timer = 0, locked = false, offline = false;

  // ---- the store: one key for each entry, so that two pages never write over each other ---------------------
  const names = () => Object.keys(localStorage).filter((name) => name.startsWith(PREFIX)).sort();
  const held = () => names().map((name) => ({ name, ...JSON.parse(localStorage.getItem(name)) }))
    .filter((one) => one.me === me());
  const put = (name, entry) => localStorage.setItem(name, JSON.stringify({ ...entry, name: undefined }));
  const drop = (name) => localStorage.removeItem(name);
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), (one) => one.toString(16).padStart(2, "0")).join("");

  function keep(params) {
    const made = last = Math.max(Date.now(), last + 1), key = random();
    const at = new Date(made + Number(localStorage.getItem(SKEW) || 0)).toISOString();
    put(`${PREFIX}${String(made).padStart(15, "0")}:${key}`, { me: me(), key, state: "waiting", params: { ...params, at } });
    show();
    send();
  }

  // ---- sending: in order, one at a time, only one page of this phone ------------------------------------------
  async function send() {
    clearTimeout(timer);
    if (sending || locked) return;
    sending = true;
    try {
      if (navigator.locks) await navigator.locks.request("weft-work", { ifAvailable: true }, (lock) => lock ? all() : null);
      else await all();
    } finally {
      sending = false;
      if (!locked && held().some((one) => one.state === "waiting")) timer = setTimeout(send, AGAIN_MS);
      show();
    }
  }

  async function all() {
    let said = false;
    for (;;) {
      const one = held().find((entry) => entry.state === "waiting");
      if (!one || !await tell(one)) break;
      said = true;
    }
    if (said) document.dispatchEvent(new Event("weft:refresh"));
  }

  async function tell(one) {
    let answer;
    try {
      answer = await fetch("/report/say", {
        method: "POST", credentials: "same-origin", headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ key: one.key, params: one.params }) });
    } catch { offline = true; return false; }
    offline = false;
    if (answer.status >= 500 || answer.status === 408 || answer.status === 429) return false;
    const told = await answer.json().catch(() => ({}));
    if (LOCKED.includes(answer.status) && told.code !== "work.not-yours") { locked = true; return false; }
    if (!localStorage.getItem(one.name)) return true; // taken away meanwhile
    if (answer.ok) put(one.name, told.told ? { ...one, state: "told", why: told.told, kept: told.kept }
      : { ...one, state: "sent", sent: told.now });
    else put(one.name, { ...one, state: "refused", why: told.detail || String(answer.status) });
    show();
    return true;
  }

  // ---- what is seen -----------------------------------------------------------------------------------------
  const number = (text) => Number(text || 0);
  const spoken = (params) => [
    words[`entry.${params.what}`], number(params.good) ? `+${params.good}` : "", params.right !== undefined ? params.right : "",
    number(params.scrap) ? params.scrap : "", params.reason ? words[`${params.what === "pause" ? "pause" : "reason"}.${params.reason}`] : "", params.note || "",
  ].filter(Boolean).join(" ");

  function show() {
    const work = panel(), entries = held();
    if (!work) return;
    // above the keys stands only what a person has to read: they must not move under his thumb while he counts
    document.getElementById("told").replaceChildren(...(locked ? [line("notice alert", words.locked)] : []),
      ...entries.filter((one) => one.state === "refused" || one.state === "told").map(card));
    document.getElementById("waiting").replaceChildren(...entries.filter((one) => one.state === "waiting").map(card));
    const waiting = entries.filter((one) => one.state === "waiting").length, sum = document.getElementById("unsent");
    sum.hidden = !waiting;
    sum.textContent = `${words.waiting}: ${waiting}. ${offline ? words.offline : ""}`;
    const mine = entries.filter((one) => one.params.job === job() && (one.state === "waiting" || one.state === "sent"));
    for (const [id, held] of [["own", work], ["made", document.getElementById("made")]]) {
      const place = document.getElementById(id);
      if (!place || !held) continue;
      const more = mine.filter((one) => one.state === "waiting" || one.sent > Number(held.dataset.asof))
        .reduce((sum, one) => sum + number(one.params.good), 0);
      place.dataset.told = place.dataset.told || place.textContent;
      place.textContent = more ? String(Math.round((number(held.dataset.good) + more) * 1000) / 1000) : place.dataset.told;
      place.classList.toggle("unsent", mine.some((one) => one.state === "waiting"));
    }
    const now = mine.reduce((state, one) => AFTER[one.params.what] || state, work.dataset.mine);
    work.querySelectorAll("[data-when]").forEach((part) => { part.hidden = !part.dataset.when.split(" ").includes(now); });
  }

  function line(kind, text) {
    const made = document.createElement("p");
    made.className = kind;
    made.textContent = text;
    return made;
  }

  function card(one) {
    const made = document.createElement("div"), text = document.createElement("span"), chip = document.createElement("span");
    made.className = `notice wait ${one.state === "waiting" ? "" : "alert"}`;
    made.dataset.state = one.state;
    text.className = "grow";
    text.append(line("strong", spoken(one.params)));
    if (one.params.job !== job()) text.append(line("tiny", one.params.job));
    if (one.why) text.append(line("small", one.why));
    chip.className = "chip";
    chip.textContent = words[one.state === "told" ? (one.kept === "aside" ? "aside" : "sent") : one.state];
    made.append(text, chip);
    if (one.state === "told") made.append(button(words.seen, () => drop(one.name)));
    if (one.state === "refused") {
      made.append(button(words.again, () => { drop(one.name); const { at, ...rest } = one.params; keep(rest); }),
        button(words.drop, () => drop(one.name)));
    }
    return made;
  }

  function button(text, does) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "button slim";
    made.textContent = text;
    made.addEventListener("click", () => { does(); show(); });
    return made;
  }

  // ---- forms ------------------------------------------------------------------------------------------------
  const digits = (text) => text.normalize("NFKC").replace(/[,\s]/g, "").replace(/^\+/, "");

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.getAttribute("action") !== "/do/work-report") return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const fields = new FormData(form), params = {};
    if (event.submitter && event.submitter.name) fields.append(event.submitter.name, event.submitter.value);
    for (const [name, value] of fields) {
      const [path, kind] = name.split("@"), text = kind === "number" ? digits(value) : value.trim();
      if (text && !["key", "form", "back", "then"].includes(path)) params[path] = text;
    }
    if (document.activeElement) document.activeElement.blur();
    form.reset();
    const act = form.closest("details");
    if (act) act.open = false;
    keep(params);
  }, true);

  // what was sent is reckoned in here until the keys themselves, which stay while somebody types, are of a later time
  function settle() {
    held().forEach((one) => {
      const elsewhere = one.params.job !== job();
      if (one.state === "sent" && (elsewhere || one.sent <= Number(panel().dataset.asof))) drop(one.name);
    });
    show();
  }

  document.addEventListener("weft:fresh", settle);
  addEventListener("online", send);
  addEventListener("offline", () => { offline = true; show(); });
  addEventListener("storage", (event) => { if (event.key && event.key.startsWith(PREFIX)) show(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) send(); });

  async function begin() {
    settle();
    try {
      const began = Date.now(), answer = await fetch("/report/now", { credentials: "same-origin", cache: "no-store" });
      if (answer.ok && !answer.redirected) {
        const told = await answer.json();
        localStorage.setItem(SKEW, String(Math.round(told.now - (began + Date.now()) / 2)));
      }
    } catch { offline = true; }
    send();
  }

  // a drawing in PDF stands in the page where the browser can show it; else its button opens it
  if (navigator.pdfViewerEnabled) {
    document.querySelectorAll("iframe[data-pdf]").forEach((one) => {
      one.src = `${one.dataset.pdf}#toolbar=0&view=FitH`;
      one.hidden = false;
    });
  }

  if ("serviceWorker" in navigator) {
    navigator.serviceWorker.register("/work-sw.js").then(() => caches.open("weft-work-1")).then((cache) => Promise.all(
      [location.pathname + location.search, "/static/work.js", "/static/live.js", "/static/weft.css", "/static/icons.svg",
        "/static/mark.svg", ...[...document.querySelectorAll(".drawing a.button")].map((one) => one.href)]
        .map(async (address) => {
          const answer = await fetch(address, { credentials: "same-origin" });
          if (answer.ok && !answer.redirected) await cache.put(address, answer);
        }))).catch(() => { /* no room, or no network any more: the page works until it is closed */ });
  }
  begin();
})();
