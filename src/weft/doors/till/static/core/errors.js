// Refusals of the till's core: the same stable codes and facts as the node's, so that one sentence serves both.

/** Something that a person can mend. `code` is a dotted name such as "slip.money"; `facts` fill its sentence. */
export class WeftError extends Error {
  constructor(code, facts = {}) {
    super(code);
    this.name = "WeftError";
    this.code = code;
    this.facts = facts;
  }
}

/** A finding of slip.<code>: {code, facts}; long texts are cut so that a sentence stays one. */
export function found(code, facts = {}) {
  const short = {};
  for (const [name, fact] of Object.entries(facts)) short[name] = typeof fact === "string" ? cut(fact, 60) : fact;
  return { code: `slip.${code}`, facts: short };
}

/** The finding that `error` is; anything but a refusal is thrown on. */
export function asFinding(error) {
  if (!(error instanceof WeftError)) throw error;
  return { code: error.code, facts: error.facts };
}

/** The first `count` characters of `text`, as Python counts them (code points, not UTF-16 units). */
export function cut(text, count) {
  return text.length <= count ? text : Array.from(text).slice(0, count).join("");
}

/** How many characters `text` has, as Python counts them. */
export function lengthOf(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}
