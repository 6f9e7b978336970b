// A job in the plan is dragged or moved by arrow keys: the node is asked what would become of it, nothing is done here.
// Without it each job is a link, and a form asks the same.
"use strict";
(() => {
  const SVG = "http://www.w3.org/2000/svg";
  let held = null; // the job on its way: where it began, where it is
  let dragged = false; // what was dragged was not clicked

  const chart = (bar) => {
    const svg = bar.ownerSVGElement, told = svg.dataset;
    const begin = Number(told.begin), left = Number(told.left), width = Number(told.width);
    return { svg, told, left, row: Number(told.row), step: Number(told.step),
      perMs: (width - left) / (Number(told.end) - begin), at: (x) => begin + (x - left) * (Number(told.end) - begin) / (width - left) };
  };

  const lanes = (svg) => [...svg.querySelectorAll("rect.lane")];

  // by the clock of the firm's place; a browser that does not know the place goes by its offset at the begin of the chart
  function said(ms, told) {
    try {
      const shown = new Intl.DateTimeFormat("en", { timeZone: told.zone, hourCycle: "h23", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" });
      const part = Object.fromEntries(shown.formatToParts(ms).map((one) => [one.type, one.value]));
      return `${part.month}-${part.day} ${part.hour}:${part.minute}`;
    } catch {
      return new Date(ms + Number(told.offset) * 60000).toISOString().slice(5, 16).replace("T", " ");
    }
  }

  function lift(bar) {
    const view = chart(bar), box = bar.querySelector("rect.bar");
    const y = Number(box.getAttribute("y"));
    const lane = lanes(view.svg).findIndex((one) => y >= Number(one.getAttribute("y")) && y < Number(one.getAttribute("y")) + view.row);
    const words = document.createElementNS(SVG, "text"), ghost = document.createElementNS(SVG, "g");
    words.setAttribute("class", "said");
    ghost.setAttribute("class", "ghost");
    ghost.append(...[...bar.children].map((one) => one.cloneNode(true)), words);
    view.svg.append(ghost); // above the others
    bar.classList.add("lifted");
    return { bar, view, box, words, ghost, start: Number(bar.dataset.start), lane, ms: 0, to: lane, may: bar.dataset.centres.split("\n") };
  }

  function show(one) {
    const { view, box } = one, all = lanes(view.svg);
    const dx = one.ms * view.perMs, dy = (one.to - one.lane) * view.row;
    one.ghost.setAttribute("transform", `translate(${dx} ${dy})`);
    all.forEach((lane, at) => lane.classList.toggle("target", at === one.to));
    one.words.textContent = said(one.start + one.ms, view.told);
    one.words.setAttribute("x", box.getAttribute("x"));
    one.words.setAttribute("y", Number(box.getAttribute("y")) - 1);
  }

  function drop(one) {
    one.bar.classList.remove("lifted");
    one.ghost.remove();
    lanes(one.view.svg).forEach((lane) => lane.classList.remove("target"));
  }

  const able = (one, at) => { const lane = lanes(one.view.svg)[at]; return lane && one.may.includes(lane.dataset.centre); };

  function ask(one) {
    const lane = lanes(one.view.svg)[one.to], about = one.view.svg.parentElement.dataset;
    const start = new Date(one.start + one.ms).toISOString();
    const wish = new URLSearchParams({ job: one.bar.dataset.job, start, work_centre: lane.dataset.centre, hold: one.bar.dataset.hold, days: about.days });
    if (about.window) wish.set("begin", about.window);
    go("/plan?" + wish);
  }

  function go(address) {
    document.activeElement.blur();
    document.dispatchEvent(new CustomEvent("weft-go", { detail: address }));
  }

  // when the answer is there, it is read out and in sight
  document.addEventListener("weft-here", () => {
    const answer = document.getElementById("what-if") || document.querySelector("#plan [role=alert]");
    if (answer) { answer.scrollIntoView({ block: "nearest" }); answer.focus({ preventScroll: true }); }
  });

  const point = (svg, event) => new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());

  document.addEventListener("pointerdown", (event) => {
    const bar = event.target.closest && event.target.closest("a.job[data-job]");
    if (!bar || event.button || held) return;
    const view = chart(bar), from = point(view.svg, event);
    held = { wait: { bar, view, from, id: event.pointerId } };
    dragged = false;
  });

  document.addEventListener("pointermove", (event) => {
    if (!held || !held.wait || held.wait.id !== event.pointerId) return;
    const { bar, view, from } = held.wait, to = point(view.svg, event);
    if (!held.one) {
      if (Math.hypot(to.x - from.x, to.y - from.y) < 4) return;
      held.one = lift(bar);
      bar.setPointerCapture(event.pointerId);
    }
    const one = held.one;
    one.ms = Math.round(((one.start + (to.x - from.x) / view.perMs) / view.step)) * view.step - one.start;
    const at = lanes(view.svg).findIndex((lane) => to.y >= Number(lane.getAttribute("y")) && to.y < Number(lane.getAttribute("y")) + view.row);
    if (able(one, at)) one.to = at;
    show(one);
  });

  function end(event) {
    if (!held || !held.wait || held.wait.id !== event.pointerId) return;
    const one = held.one;
    held = null;
    if (!one) return;
    dragged = true;
    if (event.type === "pointerup" && (one.ms || one.to !== one.lane)) ask(one);
    drop(one);
  }
  document.addEventListener("pointerup", end);
  document.addEventListener("pointercancel", end);
  document.addEventListener("touchmove", (event) => { if (held) event.preventDefault(); }, { passive: false }); // else the chart scrolls
  document.addEventListener("dragstart", (event) => { if (event.target.closest && event.target.closest("a.job")) event.preventDefault(); });

  // arrows move the chosen job by a step, Enter asks, Escape leaves it where it is
  let keyed = null;
  document.addEventListener("keydown", (event) => {
    const bar = event.target.closest && event.target.closest("a.job[data-job]");
    if (!bar || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (step) {
      if (!keyed) keyed = lift(bar);
      const by = keyed.view.step * (event.shiftKey ? 4 : 1);
      if (step[0]) keyed.ms = Math.round((keyed.start + keyed.ms) / keyed.view.step) * keyed.view.step + step[0] * by - keyed.start;
      for (let at = keyed.to + step[1]; step[1] && at >= 0 && at < lanes(keyed.view.svg).length; at += step[1]) {
        if (able(keyed, at)) { keyed.to = at; break; }
      }
      show(keyed);
    } else if (keyed && event.key === "Enter") {
      const one = keyed;
      keyed = null;
      ask(one);
      drop(one);
    } else if (keyed && event.key === "Escape") {
      drop(keyed);
      keyed = null;
    } else return;
    event.preventDefault();
  });
  document.addEventListener("focusout", (event) => {
    if (keyed && event.target === keyed.bar) { drop(keyed); keyed = null; }
  });

  // the buttons of what if stay on the page
  document.addEventListener("click", (event) => {
    if (dragged && event.target.closest && event.target.closest("a.job")) { event.preventDefault(); dragged = false; return; }
    const link = event.target.closest && event.target.closest("a[data-plan-go]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(link.getAttribute("href"));
  });
})();
