// The phone's own camera reads the code of a traveller, where the browser can; else the number is typed.
"use strict";
(() => {
  const eye = document.getElementById("eye"), look = document.getElementById("look"), seen = document.getElementById("seen");
  const blind = document.getElementById("blind"), PAUSE_MS = 200;
  if (!eye || !("BarcodeDetector" in window) || !navigator.mediaDevices) return;
  eye.hidden = false;
  let stream = null;

  const stop = () => { if (stream) stream.getTracks().forEach((track) => track.stop()); stream = null; seen.hidden = true; look.hidden = false; };

  function target(text) {
    try {
      const path = new URL(text, location.origin).pathname; // whichever address the paper was printed with
      if (/^\/jobs\/[^/]+$/.test(path)) return path;
    } catch { /* no address */ }
    return /^\d{6}$/.test(text.trim()) ? `/scan?number=${text.trim()}` : "";
  }

  async function watch(detector) {
    while (stream) {
      const codes = seen.readyState >= 2 ? await detector.detect(seen).catch(() => []) : [];
      const found = codes.map((code) => target(code.rawValue)).find(Boolean);
      if (found) { stop(); location.assign(found); return; }
      await new Promise((go) => setTimeout(go, PAUSE_MS));
    }
  }

  look.addEventListener("click", async () => {
    blind.hidden = true;
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      seen.srcObject = stream;
      seen.hidden = false;
      look.hidden = true;
      await seen.play();
      watch(new BarcodeDetector({ formats: ["qr_code"] }));
    } catch {
      stop();
      blind.textContent = eye.dataset.denied;
      blind.hidden = false;
    }
  });
  addEventListener("pagehide", stop);
})();
