// The line to the node: asks to be a till, sends slips in the order in which they were made, fetches the shop anew.
// Rule 1: a slip stays until the node says that it holds it; sending one twice changes nothing.
// Rule 2: no answer, a slow answer and a refusal all leave the till selling; the lamp tells which it is.
// Not here: making slips (chain.js).
import { heard } from "./clock.js";
import { b64, digest, unb64 } from "./core/canonical.js";
import { bytesOf } from "./core/slip.js";
import * as store from "./store.js";

const ANSWER_MS = 8_000;
const SOON_MS = 3_000; // somebody stands at the counter
const EVERY_MS = 15_000;
const EVERY_WAITING_MS = 4_000;
const AT_ONCE = 50;
const LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";
const utf8 = new TextEncoder();

/** What the node answered with an error: `code`, `facts`, `status`. */
export class Answered extends Error {
  constructor(status, problem) {
    super(problem?.code ?? String(status));
    this.status = status;
    this.code = problem?.code ?? "";
    this.facts = problem?.facts ?? {};
  }
}

/** No answer came: the browser's own words for that are for nobody. */
export class Away extends Error {
  constructor(cause) {
    super("till.node-away", { cause });
    this.code = "till.node-away";
  }
}

async function ask(method, address, body, headers = {}, wait = ANSWER_MS) {
  const answer = await fetch(`/till/api/${address}`, {
    method, credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(wait),
    headers: { ...(body ? { "Content-Type": "application/json" } : {}), ...headers },
    body: body ? JSON.stringify(body) : undefined,
  }).catch((error) => { throw new Away(error); });
  heard(Date.parse(answer.headers.get("date")));
  if (answer.status === 304) return { same: true };
  const told = await answer.json().catch(() => null);
  if (!answer.ok) throw new Answered(answer.status, told);
  if (told === null) throw new Answered(answer.status, { code: "web.body-not-json" });
  return { told, etag: answer.headers.get("etag") ?? "" };
}

/** The code that the owner types; made here from the key, so that nobody in between can put in another. */
export async function codeOf(key) {
  const bytes = await digest("till-code/1", unb64(key, 32));
  const letters = Array.from(bytes.slice(0, 8), (byte) => LETTERS[byte % LETTERS.length]).join("");
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

/** Ask to be a till; {state, firm, challenge}. */
export const enrol = async (key, name) => (await ask("POST", "ask", { key, name })).told;

/** Come in: prove that the key is here; the node answers with a cookie. */
export async function comeIn(signer, asked) {
  const message = await digest("till-open/1", concat(utf8.encode(asked.firm.id), unb64(asked.challenge)));
  return (await ask("POST", "open", {
    key: signer.public, challenge: asked.challenge, signature: b64(await signer.sign(message)),
  })).told;
}

function concat(one, other) {
  const all = new Uint8Array(one.length + other.length);
  all.set(one);
  all.set(other, one.length);
  return all;
}

const written = ({ signed }) => ({ bytes: b64(bytesOf(signed.slip)), signature: signed.signature });

/** A slip as the node holds it, and what came back of it at any till; while the node can be reached. */
export const slipElsewhere = async (hash) =>
  (await ask("GET", `slip?hash=${encodeURIComponent(hash)}`, undefined, {}, SOON_MS)).told;

/** The sale with the number that somebody reads from another till's slip; while the node can be reached. */
export const slipNumbered = async (number) =>
  (await ask("GET", `slip?number=${encodeURIComponent(number)}`, undefined, {}, SOON_MS)).told;

/** The line itself: `host` gives key, name and what to do with news. */
export class Line {
  constructor(host) {
    this.host = host;
    this.state = "unknown"; // unknown | here | away | gone
    this.busy = null;
    this.again = false;
    this.etag = "";
    this.timer = 0;
    addEventListener("online", () => this.now());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.now(); });
  }

  /** Speak with the node now; one conversation at a time, and once more if asked meanwhile. */
  now() {
    if (this.busy) this.again = true;
    else this.busy = this.#talk().finally(() => { this.busy = null; });
    return this.busy;
  }

  async #talk() {
    do {
      this.again = false;
      clearTimeout(this.timer);
      try {
        await this.#round();
        this.#is("here");
      } catch (error) {
        this.host.trouble(error);
        this.#is(error instanceof Answered && error.code === "till.gone" ? "gone" : "away");
      }
    } while (this.again);
    const left = await store.waitingCount();
    this.host.left(left);
    this.timer = setTimeout(() => this.now(), left ? EVERY_WAITING_MS : EVERY_MS);
  }

  #is(state) {
    this.state = state;
    this.host.lamp(state);
  }

  async #round() {
    try {
      await this.#send();
      await this.#fetch();
    } catch (error) {
      if (!(error instanceof Answered) || error.status !== 401) throw error;
      const asked = await enrol(this.host.signer.public, this.host.name);
      if (asked.state !== "open") return this.host.state(asked);
      await comeIn(this.host.signer, asked);
      await this.#send();
      await this.#fetch();
    }
  }

  async #send() {
    let gap = false;
    for (;;) {
      const rows = await store.waiting(AT_ONCE);
      if (!rows.length) return;
      const batch = rows.filter((row) => row.life === rows[0].life);
      try {
        const { told } = await ask("POST", "slips", { slips: batch.map(written), ...(gap ? { gap } : {}) });
        const settled = await this.#settle(batch, told);
        if (!settled) return;
      } catch (error) {
        if (!(error instanceof Answered) || error.code !== "till.gap" || gap) throw error;
        gap = await this.#back(batch[0], error.facts);
      }
    }
  }

  /** The node lacks slips before these: they wait again if they are still here; true when they are gone for good. */
  async #back(first, facts) {
    const missing = await store.slipAt(first.life, Number(facts.n) + 1);
    await store.settle(first.life, Number(facts.n));
    return !missing;
  }

  async #settle(batch, told) {
    const changed = told.life ? await store.settle(told.life, told.n) : 0;
    if ((told.doubted ?? []).length) await this.host.doubted(batch[0].life);
    for (const one of told.refused ?? []) this.host.trouble(one);
    this.host.sent();
    return changed > 0 && !(told.refused ?? []).length;
  }

  async #fetch() {
    const { told, same, etag } = await ask("GET", "snapshot", undefined, this.etag ? { "If-None-Match": this.etag } : {});
    if (same) return;
    await this.host.news(told);
    this.etag = etag;
  }
}
