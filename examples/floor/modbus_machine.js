// A small controller by another maker: a Modbus TCP server by modbus-serial with the registers of
// examples/demo/machines/modbus_machine.py, on loopback. Every third piece is scrap; "idle" never begins.
// Usage: node modbus_machine.js PORT SPEED LOG [idle]
"use strict";
const fs = require("fs");
const { ServerTCP } = require("modbus-serial");
const [port, speed, log, idle] = process.argv.slice(2);
const holding = Buffer.alloc(240), inputs = Buffer.alloc(40);
const IDLE = 0, LOADED = 1, RUNNING = 2, ENDED = 4;
const now = { state: IDLE, job: "", good: 0, scrap: 0, into: 0, beat: 0, last: Date.now() };
const text = (at) => holding.subarray(2 * at, 2 * at + 80).toString("utf8").replace(/\0.*$/s, "");
holding.writeFloatBE(60, 2 * 82);
holding.writeFloatBE(1200, 2 * 84);
holding.writeUInt16BE(1800, 2 * 86);

function start() {
  fs.appendFileSync(log, now.job + "\n");
  if (now.state === LOADED && !idle) Object.assign(now, { state: RUNNING, into: 0 });
}
function piece() {
  if ((now.good + now.scrap) % 3 === 2) now.scrap += 1; else now.good += 1;
  if (now.good >= holding.readUInt32BE(2 * 80)) now.state = ENDED;
}
function show() {
  inputs.writeUInt16BE(now.state, 0);
  inputs.writeUInt32BE(now.good, 2);
  inputs.writeUInt32BE(now.scrap, 6);
  inputs.writeUInt16BE(1, 12);             // it is always ready
  inputs.writeUInt16BE(now.beat, 14);
  inputs.writeFloatBE(24, 16);
  inputs.writeFloatBE(now.state === RUNNING ? 55 : 2, 20);
}
setInterval(() => {
  const at = Date.now(), passed = ((at - now.last) / 1000) * Number(speed);
  now.last = at;
  const job = text(0);
  if (job !== now.job && now.state !== RUNNING) Object.assign(now, { job, state: job ? LOADED : IDLE, good: 0, scrap: 0 });
  if (now.state === RUNNING) {
    now.into += passed;
    const cycle = Math.max(1, holding.readFloatBE(2 * 82));
    for (; now.into >= cycle && now.state === RUNNING; now.into -= cycle) piece();
  }
  show();
}, 20);
setInterval(() => { now.beat = (now.beat + 1) % 65536; }, 200);

const server = new ServerTCP({
  getHoldingRegister: (at) => holding.readUInt16BE(2 * at),
  getInputRegister: (at) => inputs.readUInt16BE(2 * at),
  setRegister: (at, value) => {
    holding.writeUInt16BE(value, 2 * at);
    if (at === 89 && value) { holding.writeUInt16BE(0, 2 * at); start(); }
  },
}, { host: "127.0.0.1", port: Number(port), unitID: 255, debug: false });
server.on("initialized", () => console.log("ready"));
server.on("socketError", () => {});
process.stdin.on("end", () => process.exit(0)).resume();
