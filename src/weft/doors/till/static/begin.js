// Looks after the loading of the till: when a part of it was lost on the way (Wi-Fi changes), the page loads again.
// Rule 1: three times at most in a row, so that a fault of another kind does not turn in a circle.
// Not here: what is kept for the time without a network (worker.js).
(function () {
  const KEY = "weft-till-loads", TIMES_MAX = 3, PAUSE_MS = 800;
  window.addEventListener("error", (event) => {
    if (!(event.target instanceof HTMLScriptElement)) return;
    const times = Number(sessionStorage.getItem(KEY) ?? 0);
    if (times >= TIMES_MAX) return;
    sessionStorage.setItem(KEY, String(times + 1));
    setTimeout(() => location.reload(), PAUSE_MS);
  }, true);
  window.addEventListener("load", () => setTimeout(() => {
    if (document.getElementById("till").firstChild) sessionStorage.removeItem(KEY);
  }, PAUSE_MS));
})();
