// A scanner is a fast keyboard that ends with Enter or Tab: what comes faster than a person types is one code.
// Rule 1: it works wherever the cursor stands; what the scanner wrote into a field is taken out again.
// Rule 2: one that ends with two Enters pays nothing with the second.
// Rule 3: a scanner that falters is heard all the same: what stands in the field is offered as the whole code.
export const SLIP = "WEFT-SLIP:";
const BETWEEN_MS = 100;
const PAUSE_MS = 2_000;
const LEAST = 4;

/** Calls `scanned(code, whole)` for each code; `whole`: all that stood in the field. Returns what ends it. */
export function listen(scanned) {
  let code = "", run = "", last = 0, first = 0, ended = -Infinity; // run: all since the last pause, for the long code of a slip

  function key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return;
    const now = event.timeStamp;
    if (event.key === "Enter" && now - ended < BETWEEN_MS) {
      event.preventDefault();
      event.stopImmediatePropagation();
      return;
    }
    ended = -Infinity;
    if (event.key === "Enter" || event.key === "Tab") {
      const slip = run.lastIndexOf(SLIP), burst = slip < 0 ? code : run.slice(slip);
      const fast = slip >= 0 || burst.length >= LEAST && now - last < 2 * BETWEEN_MS && (now - first) / burst.length < BETWEEN_MS / 2;
      code = "";
      run = "";
      if (!fast) return;
      ended = now;
      event.preventDefault();
      event.stopImmediatePropagation();
      scanned(burst, takeOut(document.activeElement, burst));
    } else if (event.key.length === 1) {
      if (now - last > BETWEEN_MS) code = "";
      if (now - last > PAUSE_MS) run = "";
      if (!code) first = now;
      code += event.key;
      run += event.key;
      last = now;
    }
  }

  document.addEventListener("keydown", key, true);
  return () => document.removeEventListener("keydown", key, true);
}

function takeOut(field, code) {
  document.querySelector(".pad")?.dispatchEvent(new Event("scanned"));
  if (!(field instanceof HTMLInputElement) || !field.value.endsWith(code)) return code;
  const whole = field.value;
  field.value = whole.slice(0, -code.length);
  field.dispatchEvent(new Event("input", { bubbles: true }));
  return whole.trim();
}

/** A low tone, and a short shake where there is one: whoever scans without looking hears that it was no use. */
export function buzz() {
  navigator.vibrate?.(200);
  try {
    const sound = new AudioContext(), tone = sound.createOscillator(), volume = sound.createGain();
    tone.frequency.value = 220;
    volume.gain.value = 0.15;
    tone.connect(volume).connect(sound.destination);
    tone.start();
    tone.stop(sound.currentTime + 0.25);
    tone.onended = () => sound.close();
  } catch { /* no sound here: it is also shown */ }
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
