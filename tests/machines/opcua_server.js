// A machine by another maker: an OPC UA server on node-opcua, in a process of its own, on loopback.
// node server.js '{"port":0,"jobs":"isa95"}' prints one ready line (JSON) and obeys lines of JSON on its standard input:
// {"do":"start","job":"J"} (the operator), {"do":"set","name":"Ready","value":true}, {"do":"alarm"}, {"do":"jobs"}.
// Options: jobs isa95|machinery, many, hz, vast, years, first (a namespace before ours), limits, certificate, users, pki,
// log (a file: a line for each start), scrap (every so many pieces one).
const fs = require("fs"), path = require("path"), readline = require("readline");
const given = JSON.parse(process.argv[2] || "{}");
if (given.years) {  // its clock is that far off, for everything that it does
  const True = Date, off = given.years * 31557600000;
  globalThis.Date = class extends True { constructor(...told) { told.length ? super(...told) : super(True.now() + off); } static now() { return True.now() + off; } };
}
const O = require("node-opcua");
const { Variant, DataType, VariantArrayType, StatusCodes } = O;
const URI = "urn:foreign:machine", JOBS = "http://opcfoundation.org/UA/ISA95-JOBCONTROL_V2/";
const sets = path.join(path.dirname(require.resolve("node-opcua-nodesets/package.json")), "nodesets");
const STATES = { NotAllowedToStart: 1, AllowedToStart: 2, Running: 3, Interrupted: 4, Ended: 5, Aborted: 6 };
const now = () => new Date();
const say = (told) => process.stdout.write(JSON.stringify(told) + "\n");

function nodesets() {
  const names = ["Opc.Ua.NodeSet2.xml"];
  if (given.jobs === "machinery") names.push("Opc.Ua.Di.NodeSet2.xml", "Opc.Ua.IA.NodeSet2.xml", "Opc.Ua.Machinery.NodeSet2.xml");
  if (given.jobs) names.push("opc.ua.isa95-jobcontrol.nodeset2.xml");
  if (given.jobs === "machinery") names.push("Opc.Ua.Machinery.Jobs.Nodeset2.xml");
  return names.map((name) => path.join(sets, name));
}

// ---- plain variables -----------------------------------------------------------------------------------

const nodes = {}, values = {}, kinds = {}, seen = { starts: {} };

function variable(ns, top, name, kind, value, more = {}) {
  const access = more.write ? "CurrentRead | CurrentWrite" : "CurrentRead";
  nodes[name] = ns.addVariable({ componentOf: top, browseName: name, nodeId: `s=M.${name}`, dataType: kind, valueRank: more.array ? 1 : -1,
    accessLevel: access, userAccessLevel: access, minimumSamplingInterval: 10 });
  kinds[name] = { dataType: DataType[kind] ?? DataType.ExtensionObject, arrayType: more.array ? VariantArrayType.Array : VariantArrayType.Scalar };
  set(name, value, more.status);
  return nodes[name];
}

function set(name, value, status = StatusCodes.Good) {
  values[name] = value;
  nodes[name].setValueFromSource(new Variant({ ...kinds[name], value }), status, now());
}

function plain(space, ns) {
  const top = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "M", nodeId: "s=M" });
  for (const name of ["JobId", "Program"]) variable(ns, top, name, "String", "", { write: true });
  variable(ns, top, "TargetCount", "UInt32", 0, { write: true });
  for (const [name, value] of [["CycleSeconds", 12], ["SpindleSpeed", 1200], ["Feed", 150]]) variable(ns, top, name, "Double", value, { write: true });
  variable(ns, top, "State", "Int32", 0);
  for (const name of ["PieceCount", "ScrapCount"]) variable(ns, top, name, "UInt32", 0);
  variable(ns, top, "AlarmCode", "Int32", 0);
  variable(ns, top, "Ready", "Boolean", true);
  variable(ns, top, "Temperature", "Double", 20.5);
  variable(ns, top, "Big", "Int64", [0, 7]);
  odd(ns, top);
  const start = ns.addMethod(top, { browseName: "StartJob", nodeId: "s=M.StartJob",
    inputArguments: [{ name: "Job", dataType: DataType.String }], outputArguments: [] });
  start.bindMethod(async (args, context) => {
    const job = args[0].value;
    seen.starts[job] = (seen.starts[job] || 0) + 1;
    if (job !== nodes.JobId.readValue().value.value || !job) return { statusCode: StatusCodes.BadInvalidState };
    set("State", 2);
    return { statusCode: StatusCodes.Good, outputArguments: [] };
  });
  setInterval(() => { if (!seen.frozen) set("Ready", values.Ready); set("Temperature", 20 + Math.random()); }, 200);
  return top;
}

function odd(ns, top) {
  variable(ns, top, "NotANumber", "Double", NaN);
  variable(ns, top, "Infinite", "Double", Infinity);
  variable(ns, top, "Long", "String", "x".repeat(1024 * 1024));
  variable(ns, top, "Several", "Double", new Float64Array([1, 2, 3]), { array: true });
  variable(ns, top, "Bytes", "ByteString", Buffer.from([1, 2, 3]));
  variable(ns, top, "When", "DateTime", new Date(Date.UTC(2026, 10, 26, 8)));
  variable(ns, top, "Label", "LocalizedText", { text: "ready", locale: "en" });
  variable(ns, top, "Span", "Range", new O.Range({ low: 1, high: 9 }));
  variable(ns, top, "Doubtful", "Double", 4.5, { status: StatusCodes.UncertainLastUsableValue });
  variable(ns, top, "Broken", "Double", 0, { status: StatusCodes.BadSensorFailure });
}

function many(ns, space) {
  const top = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "Many", nodeId: "s=Many" });
  const all = [];
  for (let i = 0; i < given.many; i++) all.push(variable(ns, top, `v${i}`, "Double", i));
  const begun = Date.now();
  seen.turns = 0;
  const turn = () => {
    seen.turns += 1;
    const at = now();
    for (let i = 0; i < all.length; i++) all[i].setValueFromSource(new Variant({ dataType: DataType.Double, value: seen.turns + i / 1000 }), StatusCodes.Good, at);
    setTimeout(turn, Math.max(0, begun + (seen.turns * 1000) / given.hz - Date.now()));  // on the beat, however busy it is
  };
  if (given.hz) turn();
}

function vast(ns, space) {
  const top = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "Vast", nodeId: "s=Vast" });
  for (let i = 0; i < given.vast / 1000; i++) {
    const part = ns.addObject({ organizedBy: top, browseName: `part${i}`, nodeId: `s=part${i}` });
    for (let j = 0; j < 1000; j++) ns.addVariable({ componentOf: part, browseName: `v${j}`, nodeId: `s=part${i}.v${j}`, dataType: "Int32", value: new Variant({ dataType: DataType.Int32, value: j }) });
  }
}

// ---- ISA-95 job control ----------------------------------------------------------------------------------

const jobs = [];
let make = {}, list, responses, cycle = 200;
const find = (id) => jobs.find((one) => one.order.jobOrderID === id);

function states(one) {
  const top = make.state({ stateText: { text: one.state }, stateNumber: STATES[one.state] });
  const sub = { NotAllowedToStart: 2, AllowedToStart: 2, Interrupted: 1, Ended: 1 }[one.state];
  if (!sub) return [top];
  const name = { NotAllowedToStart: "NotAllowedToStartSubstates", AllowedToStart: "AllowedToStartSubstates", Interrupted: "InterruptedSubstates", Ended: "EndedSubstates" }[one.state];
  const below = make.state({ stateText: { text: { NotAllowedToStart: "Ready", AllowedToStart: "Ready", Interrupted: "Held", Ended: "Completed" }[one.state] }, stateNumber: sub,
    browsePath: new O.RelativePath({ elements: [{ referenceTypeId: O.resolveNodeId("HasComponent"), isInverse: false, includeSubtypes: true, targetName: { namespaceIndex: make.ns, name } }] }) });
  return [top, below];
}

function publish() {
  const objects = jobs.map((one) => make.listed({ jobOrder: one.order, state: states(one) }));
  list.setValueFromSource(new Variant({ dataType: DataType.ExtensionObject, arrayType: VariantArrayType.Array, value: objects }), StatusCodes.Good, now());
}

function move(one, state) { one.state = state; publish(); }

function run(one) {
  if (one.timer || jobs.some((other) => other.timer)) return;
  seen.starts[one.order.jobOrderID] = (seen.starts[one.order.jobOrderID] || 0) + 1;
  if (given.log) fs.appendFileSync(given.log, one.order.jobOrderID + "\n");
  const planned = (one.order.jobOrderParameters || []).find((p) => p.ID === "RunsPlanned");
  one.planned = planned ? Number(planned.value.value) : 3;
  one.begun = now();
  move(one, "Running");
  one.timer = setInterval(() => {
    if (one.state !== "Running") return;
    if (given.scrap && (one.good + one.scrap) % given.scrap === given.scrap - 1) one.scrap += 1; else one.good += 1;
    if (one.good >= one.planned) end(one, "Ended");
  }, cycle);
}

function end(one, state) {
  clearInterval(one.timer);
  one.timer = null;
  one.ended = now();
  move(one, state);
}

function response(one) {
  const value = (id, dataType, value) => make.parameter({ ID: id, value: new Variant({ dataType, value }) });
  return make.response({
    jobResponseID: `R-${one.order.jobOrderID}`, jobOrderID: one.order.jobOrderID, startTime: one.begun, endTime: one.ended || undefined, jobState: states(one),
    jobResponseData: [value("GoodQuantity", DataType.Double, one.good), value("ProducedQuantity", DataType.Double, one.good + one.scrap)],
  });
}

const MAY = {  // method -> [states it may be called in, the state after]
  Start: [["NotAllowedToStart"], "AllowedToStart"], RevokeStart: [["AllowedToStart"], "NotAllowedToStart"],
  Pause: [["Running"], "Interrupted"], Resume: [["Interrupted"], "Running"], Stop: [["Running", "Interrupted"], "Ended"],
  Abort: [["NotAllowedToStart", "AllowedToStart", "Running", "Interrupted"], "Aborted"],
};
const status = (bits) => new Variant({ dataType: DataType.UInt64, arrayType: VariantArrayType.Scalar, value: [0, bits] });
const answer = (bits) => ({ statusCode: StatusCodes.Good, outputArguments: [status(bits)] });

function bind(receiver) {
  const store = (replace) => async (args, context) => {
    const order = args[0].value, known = find(order.jobOrderID);
    seen.stored = (seen.stored || 0) + 1;
    if (!order.jobOrderID || (known && !replace) || (!known && replace)) return answer(1);
    if (!known && jobs.length >= (given.room || 8)) return answer(32);
    if (known) { known.order = order; publish(); } else { jobs.push({ order, state: "NotAllowedToStart", good: 0, scrap: 0 }); publish(); }
    return answer(0);
  };
  receiver.getMethodByName("Store").bindMethod(store(false));
  receiver.getMethodByName("Update")?.bindMethod(store(true));
  receiver.getMethodByName("StoreAndStart")?.bindMethod(async (args, context) => { seen.storeAndStart = true; return answer(16); });
  for (const [name, [from, to]] of Object.entries(MAY)) receiver.getMethodByName(name)?.bindMethod(async (args, context) => {
    const one = find(args[0].value);
    if (!one) return answer(1);
    if (!from.includes(one.state)) return answer(2);
    if (to === "Ended" || to === "Aborted") end(one, to); else move(one, to);
    if (name === "Start" && !given.waits) setTimeout(() => run(one), 100);
    return answer(0);
  });
  const drop = (allowed) => async (args, context) => {
    const one = find(args[0].value);
    if (!one || !allowed.includes(one.state)) return answer(one ? 2 : 1);
    jobs.splice(jobs.indexOf(one), 1);
    publish();
    return answer(0);
  };
  receiver.getMethodByName("Clear").bindMethod(drop(["Ended", "Aborted"]));
  receiver.getMethodByName("Cancel")?.bindMethod(drop(["NotAllowedToStart"]));
}

function jobControl(space, ns) {
  const at = space.getNamespaceIndex(JOBS);
  const maker = (name) => { const Type = space.getExtensionObjectConstructor(space.findDataType(name, at)); return (fields) => new Type(fields); };
  make = { ns: at, state: maker("ISA95StateDataType"), listed: maker("ISA95JobOrderAndStateDataType"), parameter: maker("ISA95ParameterDataType"), response: maker("ISA95JobResponseDataType") };
  const all = ["Store", "StoreAndStart", "Start", "RevokeStart", "Update", "Pause", "Resume", "Stop", "Abort", "Cancel", "Clear"].filter((one) => !(given.without || []).includes(one));
  let receiver, provider;
  if (given.jobs === "machinery") {
    const mine = space.getNamespaceIndex("http://opcfoundation.org/UA/Machinery/"), jobsNs = space.getNamespaceIndex("http://opcfoundation.org/UA/Machinery/Jobs/");
    const machine = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "Press 7", nodeId: "s=Press" });
    const blocks = ns.addObject({ componentOf: machine, browseName: { name: "MachineryBuildingBlocks", namespaceIndex: mine }, nodeId: "s=Blocks" });
    const management = space.findObjectType("JobManagementType", jobsNs).instantiate({ namespace: ns, browseName: { name: "JobManagement", namespaceIndex: jobsNs }, componentOf: blocks,
      optionals: all.map((one) => `JobOrderControl.${one}`).concat(["JobOrderResults.JobOrderResponseList"]) });
    receiver = management.getComponentByName("JobOrderControl");
    provider = management.getComponentByName("JobOrderResults");
  } else {
    const top = ns.addObject({ organizedBy: space.rootFolder.objects, browseName: "Cell", nodeId: "s=Cell" });
    receiver = space.findObjectType("ISA95JobOrderReceiverObjectType", at).instantiate({ namespace: ns, browseName: "JobOrderControl", componentOf: top, optionals: all });
    provider = space.findObjectType("ISA95JobResponseProviderObjectType", at).instantiate({ namespace: ns, browseName: "JobOrderResults", componentOf: top });
  }
  list = receiver.getComponentByName("JobOrderList") || receiver.getPropertyByName("JobOrderList");
  const room = receiver.getComponentByName("MaxDownloadableJobOrders") || receiver.getPropertyByName("MaxDownloadableJobOrders");
  room.setValueFromSource({ dataType: DataType.UInt16, value: given.room || 8 });
  bind(receiver);
  provider.getMethodByName("RequestJobResponseByJobOrderID").bindMethod(async (args, context) => {
    const one = find(args[0].value);
    const empty = make.response({ jobResponseID: "", jobOrderID: "", jobState: [] });
    return { statusCode: StatusCodes.Good, outputArguments: [{ dataType: DataType.ExtensionObject, value: one && one.begun ? response(one) : empty }, status(one && one.begun ? 0 : 1)] };
  });
  provider.getMethodByName("RequestJobResponseByJobOrderState").bindMethod(async (args, context) => ({ statusCode: StatusCodes.BadNotImplemented }));
  publish();
  return { receiver: receiver.nodeId.toString(), provider: provider.nodeId.toString() };
}

// ---- the server ------------------------------------------------------------------------------------------

function obey(line) {
  const told = JSON.parse(line);
  if (told.do === "start") run(find(told.job));
  if (told.do === "set") set(told.name, told.value);
  if (told.do === "freeze") seen.frozen = told.value;
  if (told.do === "cycle") cycle = told.ms;
  if (told.do === "end") end(find(told.job), told.state || "Ended");
  say({ jobs: jobs.map((one) => ({ id: one.order.jobOrderID, state: one.state, good: one.good, program: (one.order.workMasterID || []).map((w) => w.ID),
    parameters: Object.fromEntries((one.order.jobOrderParameters || []).map((p) => [p.ID, Array.isArray(p.value.value) ? [...p.value.value] : p.value.value])) })), ...seen });
}

(async () => {
  const secured = Boolean(given.certificate);
  const server = new O.OPCUAServer({
    port: given.port || 0, hostname: "127.0.0.1", nodeset_filename: nodesets(), maxConnectionsPerEndpoint: 50,
    ...(secured ? { certificateFile: given.certificate[0], privateKeyFile: given.certificate[1],
      securityModes: [O.MessageSecurityMode.SignAndEncrypt], securityPolicies: [O.SecurityPolicy.Basic256Sha256] } : {}),
    ...(given.limits ? { serverCapabilities: { maxMonitoredItems: given.limits.maxMonitoredItems, maxMonitoredItemsPerSubscription: given.limits.maxMonitoredItems,
      operationLimits: given.limits } } : {}),
    ...(given.users ? { allowAnonymous: false, userManager: { isValidUser: (user, password) => given.users[user] === password } } : {}),
    serverCertificateManager: new O.OPCUACertificateManager({ rootFolder: given.pki, automaticallyAcceptUnknownCertificate: true }),
    userCertificateManager: new O.OPCUACertificateManager({ rootFolder: given.pki + "-users", automaticallyAcceptUnknownCertificate: given.trusts !== false }),
  });
  await server.initialize();
  const space = server.engine.addressSpace;
  for (const uri of given.first || []) space.registerNamespace(uri);
  const ns = space.registerNamespace(URI);
  plain(space, ns);
  if (given.many) many(ns, space);
  if (given.vast) vast(ns, space);
  const found = given.jobs ? jobControl(space, ns) : {};
  await server.start();
  readline.createInterface({ input: process.stdin }).on("line", obey).on("close", () => process.exit(0));
  say({ ready: true, endpoint: `opc.tcp://127.0.0.1:${server.endpoints[0].port}`, ...found });
})().catch((error) => { process.stderr.write(String(error.stack || error) + "\n"); process.exit(1); });
