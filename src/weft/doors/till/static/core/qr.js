// QR codes (ISO/IEC 18004) of text in byte mode, level M, versions 1 to 40; a slip is drawn with the link down.
// Not here: what stands in the text (slip.js), reading a code.

export const VERSION_MAX = 40;
const LEVEL_M = 0b00;
// For each version of level M: error correction codewords in a block, and blocks (ISO/IEC 18004, table 9).
const CORRECTION = [
  10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26,
  26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28,
];
const BLOCKS = [
  1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16,
  17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49,
];
const MASKS = [
  (x, y) => (x + y) % 2 === 0,
  (x, y) => y % 2 === 0,
  (x) => x % 3 === 0,
  (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0,
  (x, y) => (x * y) % 2 + (x * y) % 3 === 0,
  (x, y) => ((x * y) % 2 + (x * y) % 3) % 2 === 0,
  (x, y) => ((x + y) % 2 + (x * y) % 3) % 2 === 0,
];

/**
 * The code of `text`: {version, mask, size, modules}; modules[y][x] is 1 where it is dark.
 * `mask` 0 to 7 is taken as given, else the one that is best to read. Throws RangeError when no version holds `text`.
 */
export function encode(text, mask = null) {
  const data = new TextEncoder().encode(text);
  const version = versionFor(data.length);
  const size = version * 4 + 17;
  const frame = Array.from({ length: size }, () => new Int8Array(size).fill(-1)); // -1: room for data
  drawPatterns(frame, version);
  const path = laid(frame, interleaved(codewords(data, version), version));
  const choices = mask === null ? MASKS.map((_, number) => number) : [mask];
  let best = null;
  for (const number of choices) {
    const modules = masked(frame, path, number);
    const penalty = choices.length > 1 ? penaltyOf(modules) : 0;
    if (best === null || penalty < best.penalty) best = { penalty, version, mask: number, size, modules };
  }
  return { version: best.version, mask: best.mask, size, modules: best.modules };
}

/** The code of `text` as text of an SVG element, with a quiet zone of four modules; `label` names it to all. */
export function svg(text, label = "") {
  const { size, modules } = encode(text);
  let path = "";
  modules.forEach((row, y) => {
    for (let x = 0; x < size; x += 1) {
      if (!row[x]) continue;
      let end = x + 1;
      while (end < size && row[end]) end += 1;
      path += `M${x + 4} ${y + 4}h${end - x}v1h${x - end}z`;
      x = end;
    }
  });
  const named = label.replace(/[&<>"]/g, (one) => `&#${one.charCodeAt(0)};`);
  const side = size + 8;
  return `<svg role="img" class="qr" aria-label="${named}" viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges">`
    + `<path fill="#fff" d="M0 0h${side}v${side}h-${side}z"/><path fill="#000" d="${path}"/></svg>`;
}

// ---- the data

function versionFor(length) {
  for (let version = 1; version <= VERSION_MAX; version += 1) {
    if (4 + countBits(version) + 8 * length <= 8 * dataWords(version)) return version;
  }
  throw new RangeError("too long for a QR code");
}

function countBits(version) {
  return version < 10 ? 8 : 16;
}

/** Codewords of a version, data and correction. */
function allWords(version) {
  let bits = (16 * version + 128) * version + 64;
  if (version >= 2) {
    const rows = Math.floor(version / 7) + 2;
    bits -= (25 * rows - 10) * rows - 55;
    if (version >= 7) bits -= 36;
  }
  return Math.floor(bits / 8);
}

function dataWords(version) {
  return allWords(version) - CORRECTION[version - 1] * BLOCKS[version - 1];
}

/** Mode, count, data, end and padding, as bytes. */
function codewords(data, version) {
  const room = dataWords(version), bits = [];
  const put = (value, count) => {
    for (let at = count - 1; at >= 0; at -= 1) bits.push((value >>> at) & 1);
  };
  put(0b0100, 4);
  put(data.length, countBits(version));
  for (const byte of data) put(byte, 8);
  put(0, Math.min(4, room * 8 - bits.length));
  put(0, (8 - bits.length % 8) % 8);
  const words = [];
  for (let at = 0; at < bits.length; at += 8) words.push(parseInt(bits.slice(at, at + 8).join(""), 2));
  for (let pad = 0xec; words.length < room; pad ^= 0xec ^ 0x11) words.push(pad);
  return words;
}

/** Data in blocks with their correction, in the order in which they are laid down. */
function interleaved(words, version) {
  const blocks = BLOCKS[version - 1], correction = CORRECTION[version - 1];
  const short = Math.floor(words.length / blocks), longer = words.length % blocks;
  const divisor = generator(correction), parts = [];
  let at = 0;
  for (let block = 0; block < blocks; block += 1) {
    const length = short + (block >= blocks - longer ? 1 : 0);
    const data = words.slice(at, at + length);
    parts.push({ data, extra: remainder(data, divisor) });
    at += length;
  }
  const laidOut = [];
  for (let place = 0; place <= short; place += 1) {
    for (const { data } of parts) if (place < data.length) laidOut.push(data[place]);
  }
  for (let place = 0; place < correction; place += 1) for (const { extra } of parts) laidOut.push(extra[place]);
  return laidOut;
}

// ---- Reed-Solomon over GF(2^8), polynomial 0x11d

function product(one, other) {
  let result = 0;
  for (let at = 7; at >= 0; at -= 1) {
    result = (result << 1) ^ ((result >>> 7) * 0x11d);
    result ^= ((other >>> at) & 1) * one;
  }
  return result;
}

/** Coefficients of the generator polynomial of `degree`, without the leading 1. */
function generator(degree) {
  const made = new Uint8Array(degree);
  made[degree - 1] = 1;
  let root = 1;
  for (let step = 0; step < degree; step += 1) {
    for (let at = 0; at < degree; at += 1) {
      made[at] = product(made[at], root) ^ (at + 1 < degree ? made[at + 1] : 0);
    }
    root = product(root, 2);
  }
  return made;
}

function remainder(data, divisor) {
  const rest = new Uint8Array(divisor.length);
  for (const byte of data) {
    const factor = byte ^ rest[0];
    rest.copyWithin(0, 1);
    rest[rest.length - 1] = 0;
    divisor.forEach((coefficient, at) => { rest[at] ^= product(coefficient, factor); });
  }
  return rest;
}

// ---- the picture

/** Finders, timing, alignment, version, and places for the format: all that is not data. */
function drawPatterns(frame, version) {
  const size = frame.length;
  for (let at = 0; at < size; at += 1) {
    frame[6][at] = Number(at % 2 === 0);
    frame[at][6] = Number(at % 2 === 0);
  }
  for (const [x, y] of [[3, 3], [size - 4, 3], [3, size - 4]]) ring(frame, x, y, 4, (far) => far !== 2 && far !== 4);
  const places = alignments(version, size), last = places.length - 1;
  places.forEach((x, column) => places.forEach((y, row) => {
    const isFinder = (column === 0 && row === 0) || (column === 0 && row === last) || (column === last && row === 0);
    if (!isFinder) ring(frame, x, y, 2, (far) => far !== 1);
  }));
  if (version >= 7) drawVersion(frame, version);
  drawFormat(frame, 0);
}

/** Squares around (x, y) as far as `reach`, dark where `isDark` says so of the distance. */
function ring(frame, x, y, reach, isDark) {
  for (let dy = -reach; dy <= reach; dy += 1) {
    for (let dx = -reach; dx <= reach; dx += 1) {
      if (y + dy in frame && x + dx in frame) {
        frame[y + dy][x + dx] = Number(isDark(Math.max(Math.abs(dx), Math.abs(dy))));
      }
    }
  }
}

/** Middles of the alignment patterns, along each axis. */
function alignments(version, size) {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = Math.floor((version * 8 + count * 3 + 5) / (count * 4 - 4)) * 2;
  const places = [6];
  for (let at = size - 7; places.length < count; at -= step) places.splice(1, 0, at);
  return places;
}

function drawVersion(frame, version) {
  let rest = version;
  for (let at = 0; at < 12; at += 1) rest = (rest << 1) ^ ((rest >>> 11) * 0x1f25);
  const bits = (version << 12) | rest;
  for (let at = 0; at < 18; at += 1) {
    const bit = (bits >>> at) & 1, far = frame.length - 11 + at % 3, near = Math.floor(at / 3);
    frame[near][far] = bit;
    frame[far][near] = bit;
  }
}

function drawFormat(frame, mask) {
  const data = (LEVEL_M << 3) | mask, size = frame.length;
  let rest = data;
  for (let at = 0; at < 10; at += 1) rest = (rest << 1) ^ ((rest >>> 9) * 0x537);
  const bits = ((data << 10) | rest) ^ 0x5412;
  const bit = (at) => (bits >>> at) & 1;
  for (let at = 0; at <= 5; at += 1) frame[at][8] = bit(at);
  frame[7][8] = bit(6);
  frame[8][8] = bit(7);
  frame[8][7] = bit(8);
  for (let at = 9; at < 15; at += 1) frame[8][14 - at] = bit(at);
  for (let at = 0; at < 8; at += 1) frame[8][size - 1 - at] = bit(at);
  for (let at = 8; at < 15; at += 1) frame[size - 15 + at][8] = bit(at);
  frame[size - 8][8] = 1;
}

/** [x, y, bit] of every place for data, in the order in which bits are laid: up and down, two columns wide. */
function laid(frame, words) {
  const size = frame.length, path = [];
  for (let right = size - 1; right >= 1; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step += 1) {
      const y = ((right + 1) & 2) === 0 ? size - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (frame[y][x] !== -1) continue;
        const at = path.length;
        path.push([x, y, at < words.length * 8 ? (words[at >>> 3] >>> (7 - (at & 7))) & 1 : 0]);
      }
    }
  }
  return path;
}

function masked(frame, path, mask) {
  const modules = frame.map((row) => Int8Array.from(row));
  for (const [x, y, bit] of path) modules[y][x] = bit ^ Number(MASKS[mask](x, y));
  drawFormat(modules, mask);
  return modules;
}

// ---- how hard a mask would be to read (ISO/IEC 18004, 7.8.3)

function penaltyOf(modules) {
  const size = modules.length;
  let penalty = 0, dark = 0;
  for (let line = 0; line < size; line += 1) {
    penalty += linePenalty((at) => modules[line][at], size) + linePenalty((at) => modules[at][line], size);
    for (let x = 0; x < size; x += 1) {
      dark += modules[line][x];
      if (line + 1 < size && x + 1 < size) {
        const sum = modules[line][x] + modules[line][x + 1] + modules[line + 1][x] + modules[line + 1][x + 1];
        if (sum === 0 || sum === 4) penalty += 3;
      }
    }
  }
  return penalty + Math.floor(Math.abs(dark * 20 - size * size * 10) / (size * size)) * 10;
}

/** Runs of five and more, and what looks like a finder with four light modules beside it. */
function linePenalty(module, size) {
  let penalty = 0, run = 0, last = -1, window = 0;
  for (let at = 0; at < size; at += 1) {
    const bit = module(at);
    run = bit === last ? run + 1 : 1;
    last = bit;
    if (run === 5) penalty += 3;
    else if (run > 5) penalty += 1;
    window = ((window << 1) | bit) & 0x7ff;
    if (at >= 10 && (window === 0b00001011101 || window === 0b10111010000)) penalty += 40;
  }
  return penalty;
}
