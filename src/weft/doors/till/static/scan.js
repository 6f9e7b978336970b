// A scanner is a fast keyboard that ends with Enter: what comes faster than a person types is one code.
// Rule 1: it works wherever the cursor stands; what the scanner wrote into a field is taken out again.
const BETWEEN_MS = 60;
const LEAST = 4;

/** Calls `scanned(code)` for each code that a scanner sends; returns what ends it. */
export function listen(scanned) {
  let code = "", last = 0, first = 0, field = null, before = "";

  function key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = event.timeStamp;
    if (event.key === "Enter") {
      const fast = code.length >= LEAST && now - last < 2 * BETWEEN_MS && (now - first) / code.length < BETWEEN_MS / 2;
      if (fast) {
        event.preventDefault();
        event.stopImmediatePropagation();
        if (field) {
          field.value = before;
          field.dispatchEvent(new Event("input", { bubbles: true }));
        }
        const whole = code;
        code = "";
        scanned(whole);
        return;
      }
      code = "";
    } else if (event.key.length === 1) {
      if (now - last > BETWEEN_MS || !code) {
        code = "";
        first = now;
        field = event.target instanceof HTMLInputElement ? event.target : null;
        before = field?.value ?? "";
      }
      code += event.key;
      last = now;
    }
  }

  document.addEventListener("keydown", key, true);
  return () => document.removeEventListener("keydown", key, true);
}

/** Whether this device can scan with its camera. */
export const hasCamera = () => "BarcodeDetector" in globalThis && Boolean(navigator.mediaDevices?.getUserMedia);

/** Looks through the camera into `video` until a code is seen; `stop` (an AbortSignal) ends it. A promise of it or "". */
export async function look(video, stop) {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
  try {
    video.srcObject = stream;
    await video.play();
    const detector = new globalThis.BarcodeDetector();
    while (!stop.aborted) {
      const [found] = await detector.detect(video).catch(() => []);
      if (found?.rawValue) return found.rawValue;
      await new Promise((done) => setTimeout(done, 120));
    }
    return "";
  } finally {
    for (const track of stream.getTracks()) track.stop();
  }
}
