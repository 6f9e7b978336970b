// Keeps a page fresh: when the node says that something changed, the marked parts are fetched again.
// Everything works without it; then a reload shows the same.
"use strict";
(() => {
  const wanted = document.body.dataset.live;
  let here = document.body.dataset.here || location.href;
  if (location.pathname.startsWith("/do/")) history.replaceState(null, "", here); // refused: a reload shows its page
  let busy = false, again = false, last = 1, hand = 0; // last: 0 when somebody asked for it

  const untouched = (part) => !part.contains(document.activeElement) || document.activeElement === document.body
    || document.activeElement.tagName === "A"; // what is being typed is never taken away

  // nothing moves away under a hand that is about to press
  ["pointermove", "pointerdown", "touchmove"].forEach((sign) =>
    addEventListener(sign, () => { hand = Date.now(); }, { capture: true, passive: true }));
  async function stillness() {
    for (const begun = Date.now(); Date.now() - hand < 300 && Date.now() - begun < 3000;)
      await new Promise((go) => setTimeout(go, 50));
  }

  async function refresh() {
    if (busy) { again = true; return; }
    busy = true;
    const asked = last === 0;
    await new Promise((go) => setTimeout(go, Math.max(0, 400 - (Date.now() - last))));
    try {
      const answer = await fetch(here, { headers: { "X-Refresh": "1" }, credentials: "same-origin" });
      if (answer.ok) {
        const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (!asked) await stillness();
        document.querySelectorAll("[data-fresh]").forEach((part) => {
          const next = fresh.getElementById(part.id);
          if (next && untouched(part) && next.innerHTML !== part.innerHTML) {
            const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
            const held = part.contains(document.activeElement) ? document.activeElement.id : "";
            part.replaceWith(next);
            if (held && document.getElementById(held)) document.getElementById(held).focus({ preventScroll: true });
            open.forEach((id) => { const one = document.getElementById(id); if (one) one.open = true; });
          }
        });
        document.dispatchEvent(new Event("weft:fresh"));
      }
    } catch { /* offline: the next change tries again */ }
    last = Date.now();
    busy = false;
    if (again) { again = false; refresh(); }
  }

  if (wanted !== undefined && "EventSource" in window) {
    const source = new EventSource("/live?of=" + encodeURIComponent(wanted) + "&seen=" + document.body.dataset.seen);
    source.addEventListener("change", refresh);
    let lost = false;
    source.addEventListener("error", () => { lost = true; });
    source.addEventListener("open", () => { if (lost) { lost = false; refresh(); } });
    addEventListener("pagehide", () => source.close());
  }

  document.addEventListener("weft:refresh", refresh);

  // a piece of a tree opens where it stands
  document.addEventListener("click", (event) => {
    const piece = event.target.closest("a[data-tree]");
    if (!piece || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    here = piece.getAttribute("href").split("#")[0];
    history.replaceState(null, "", here);
    last = 0;
    refresh();
  });

  // another script asks for another address of this page
  document.addEventListener("weft-go", async (event) => {
    here = event.detail;
    history.replaceState(null, "", here);
    last = 0;
    await refresh();
    document.dispatchEvent(new CustomEvent("weft-here"));
  });

  // arrows go through a tree: up and down from piece to piece, right opens, left shuts or goes up
  document.addEventListener("keydown", (event) => {
    const piece = event.target.closest && event.target.closest("a[data-tree]");
    if (!piece || event.ctrlKey || event.metaKey || event.altKey) return;
    const all = [...document.querySelectorAll("a[data-tree]")], open = piece.getAttribute("aria-expanded") === "true";
    const over = piece.closest("ul.tree");
    let next = { ArrowDown: all[all.indexOf(piece) + 1], ArrowUp: all[all.indexOf(piece) - 1] }[event.key];
    if (event.key === "ArrowLeft" && !open && over) next = over.parentElement.querySelector("a[data-tree]");
    if (next) next.focus();
    else if ((event.key === "ArrowRight" && !open) || (event.key === "ArrowLeft" && open)) piece.click();
    else return;
    event.preventDefault();
  });

  // what is looked for is found while it is typed
  const find = document.querySelector("form[data-find]");
  let pause = 0;
  if (find) find.addEventListener("input", () => {
    clearTimeout(pause);
    pause = setTimeout(() => {
      here = find.getAttribute("action") + "?" + new URLSearchParams(new FormData(find));
      history.replaceState(null, "", here);
      last = 0;
      refresh();
    }, 200);
  });

  // a large file shows how much of it has been sent
  document.addEventListener("submit", (event) => {
    const form = event.target, bar = form.matches("[data-upload]") && form.querySelector("progress");
    if (!bar) return;
    event.preventDefault();
    if (form.dataset.sending) return;
    form.dataset.sending = "1";
    bar.classList.remove("hidden");
    const call = new XMLHttpRequest();
    call.open("POST", form.action);
    call.upload.addEventListener("progress", (told) => { bar.value = told.total ? told.loaded / told.total * 1000 : 0; });
    call.addEventListener("load", () => {
      if (call.status < 400) { location.assign(call.responseURL); return; }
      const answer = new DOMParser().parseFromString(call.responseText, "text/html");
      document.querySelector("main").replaceWith(answer.querySelector("main"));
    });
    call.addEventListener("error", () => { bar.classList.add("hidden"); delete form.dataset.sending; });
    call.send(new FormData(form));
  });

  // the chosen column is in sight
  const chosen = document.querySelector(".chips [aria-current]");
  if (chosen) chosen.parentElement.scrollLeft = chosen.offsetLeft - (chosen.parentElement.clientWidth - chosen.offsetWidth) / 2;

  // one form is sent once
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "1";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });

  // another line in a form of lines
  document.addEventListener("click", (event) => {
    const more = event.target.closest("[data-more]");
    if (!more) return;
    event.preventDefault();
    const list = document.getElementById(more.dataset.more);
    const rows = list.querySelectorAll("[data-row]");
    const row = rows[rows.length - 1].cloneNode(true);
    row.querySelectorAll("[name]").forEach((field) => {
      field.name = field.name.replace(/\.\d+\./, "." + rows.length + ".");
      if (field.tagName === "INPUT") field.value = field.type === "hidden" ? String(rows.length + 1) : "";
    });
    list.append(row);
    const first = row.querySelector("input:not([type=hidden])");
    if (first) first.focus();
  });

  // values that nobody tells of are asked for again and again while somebody looks
  const every = Number(document.body.dataset.again || 0);
  if (every) setInterval(() => { if (!document.hidden) refresh(); }, every * 1000);

  // copy, print, drop; at a plain http address, as in a workshop, a page has no clipboard: there a selection is copied
  const taken = async (words) => {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText(words);
      return true;
    }
    const field = document.body.appendChild(document.createElement("textarea"));
    field.value = words;
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  };
  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      event.preventDefault();
      if (await taken(copy.dataset.copy)) copy.textContent = copy.dataset.copied;
    }
    if (event.target.closest("[data-print]")) { event.preventDefault(); print(); }
  });
  document.querySelectorAll(".drop").forEach((zone) => {
    const field = zone.querySelector("input[type=file]");
    for (const name of ["dragover", "dragleave", "drop"]) {
      zone.addEventListener(name, (event) => {
        event.preventDefault();
        zone.classList.toggle("over", name === "dragover");
        if (name === "drop" && event.dataTransfer.files.length) field.files = event.dataTransfer.files;
      });
    }
  });
})();
