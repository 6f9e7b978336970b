// A foreign edge node: Eclipse Tahu's sparkplug-client, with one device that takes jobs. It is told things by lines of
// JSON on its standard input, as its own panel would: {"set": {...}}, {"ddeath": true}, {"dbirth": true}, {"skip": 1},
// {"history": {...}}, {"bye": true}. Usage: node edge.js PORT GROUP NODE DEVICE SPEED [LOG]; each start is a
// line in LOG.
"use strict";
const sparkplug = require("sparkplug-client");
const [port, group, node, device, speed, log] = process.argv.slice(2);
const client = sparkplug.newClient({
  serverUrl: `mqtt://127.0.0.1:${port}`, username: "", password: "", groupId: group, edgeNode: node,
  clientId: `edge-${node}`, version: "spBv1.0", publishDeath: true, keepalive: 3, reconnectPeriod: 300,
});
const kinds = {
  JobId: "String", Program: "String", TargetCount: "Int32", CycleSeconds: "Double", "Settings/Feed": "Double",
  StartCommand: "String", State: "String", PieceCount: "UInt32", ScrapCount: "Int64", AlarmCode: "Int16",
  LocalReady: "Boolean", Speed: "Int32", Heat: "Float", Broken: "Double", Picture: "Bytes",
};
const writable = ["JobId", "Program", "TargetCount", "CycleSeconds", "Settings/Feed", "Speed", "Heat"];
const now = {
  JobId: "", Program: "P-1", TargetCount: 0, CycleSeconds: 12, "Settings/Feed": 180, StartCommand: "", State: "Idle",
  PieceCount: 0, ScrapCount: 0, AlarmCode: -7, LocalReady: true, Speed: 1200, Heat: 21.5, Broken: 1.5,
  Picture: Buffer.from([1, 2, 3]),
};
let born = false, alive = true, into = 0, last = Date.now();
const starts = {};

function metric(name, value = now[name]) {
  const made = { name, type: kinds[name], value, timestamp: Date.now() };
  if (name === "Broken") made.properties = { Quality: { type: "Int32", value: 0 } };
  return made;
}
function payload(metrics) { return { timestamp: Date.now(), metrics }; }
function deviceBirth() {
  alive = true;
  client.publishDeviceBirth(device, payload(Object.keys(kinds).map((name) => metric(name)).concat([
    { name: "Table", type: "DataSet", value: { numOfColumns: 1, types: ["Int32"], columns: ["a"], rows: [[1], [2]] } },
    { name: "Motor", type: "Template", value: { isDefinition: false, templateRef: "MotorType", version: "", parameters: [],
      metrics: [{ name: "rpm", type: "Int32", value: 900 }] } },
  ])));
}
function birth() {
  client.publishNodeBirth(payload([
    { name: "Node Control/Rebirth", type: "Boolean", value: false },
    { name: "MotorType", type: "Template", value: { isDefinition: true, version: "", parameters: [],
      metrics: [{ name: "rpm", type: "Int32", value: 0 }] } },
    { name: "Uptime", type: "Int64", value: Math.round(process.uptime()) },
  ]));
  deviceBirth();
  born = true;
}
function tell(changed) {
  Object.assign(now, changed);
  if (born && alive) client.publishDeviceData(device, payload(Object.keys(changed).map((name) => metric(name))));
}
client.on("birth", birth);
client.on("offline", () => { born = false; });
client.on("error", () => {});
client.on("ncmd", (told) => {
  if (told.metrics.some((one) => one.name === "Node Control/Rebirth" && one.value)) birth();
});
client.on("dcmd", (_device, told) => {
  const changed = {};
  for (const one of told.metrics) {
    const value = one.value !== null && typeof one.value === "object" ? Number(one.value) : one.value;
    if (writable.includes(one.name)) changed[one.name] = value;
    if (one.name === "StartCommand") {
      starts[value] = (starts[value] || 0) + 1;
      console.log(JSON.stringify({ starts }));
      if (log) require("fs").appendFileSync(log, value + "\n");
      if (value === now.JobId && now.State === "AllowedToStart" && starts[value] === 1) changed.State = "Running";
    }
  }
  if ("JobId" in changed && changed.JobId !== now.JobId) {
    if (now.State === "Running") delete changed.JobId;
    else Object.assign(changed, { State: changed.JobId ? "AllowedToStart" : "Idle", PieceCount: 0, ScrapCount: 0 });
  }
  tell(changed);
});
setInterval(() => {
  const at = Date.now(), passed = ((at - last) / 1000) * Number(speed);
  last = at;
  if (now.State !== "Running") return;
  into += passed;
  if (into < now.CycleSeconds) return;
  into = 0;
  const pieces = now.PieceCount + 1;
  tell(pieces >= now.TargetCount ? { PieceCount: pieces, State: "Ended" } : { PieceCount: pieces });
}, 20);
setInterval(() => tell({ LocalReady: now.LocalReady }), 500);
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const told = JSON.parse(line);
  if (told.set) tell(told.set);
  if (told.ddeath) { alive = false; client.publishDeviceDeath(device, payload([])); }
  if (told.dbirth) deviceBirth();
  if (told.skip) for (let i = 0; i < told.skip; i++) client.incrementSeqNum ? client.incrementSeqNum() : client.seq++;
  if (told.history) client.publishDeviceData(device, payload(Object.keys(told.history).map((name) => (
    { ...metric(name, told.history[name]), isHistorical: true, timestamp: Date.now() - 60000 }))));
  if (told.bye) client.stop();
});
