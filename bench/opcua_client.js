// The baseline: node-opcua's own client on the same server. node opcua_client.js ENDPOINT COUNT SECONDS SECURE PKI
const O = require("node-opcua");
const [endpoint, count, seconds, secure, pki] = process.argv.slice(2);
(async () => {
  const client = O.OPCUAClient.create({ endpointMustExist: false, keepSessionAlive: true,
    securityMode: secure === "1" ? O.MessageSecurityMode.SignAndEncrypt : O.MessageSecurityMode.None,
    securityPolicy: secure === "1" ? O.SecurityPolicy.Basic256Sha256 : O.SecurityPolicy.None,
    clientCertificateManager: new O.OPCUACertificateManager({ rootFolder: pki, automaticallyAcceptUnknownCertificate: true }) });
  await client.connect(endpoint);
  const session = await client.createSession();
  const ns = (await session.readNamespaceArray()).indexOf("urn:foreign:machine");
  const subscription = await session.createSubscription2({ requestedPublishingInterval: 50, requestedLifetimeCount: 1200,
    requestedMaxKeepAliveCount: 20, maxNotificationsPerPublish: 0, publishingEnabled: true, priority: 0 });
  const items = [];
  for (let i = 0; i < Number(count); i++) items.push({ nodeId: `ns=${ns};s=M.v${i}`, attributeId: O.AttributeIds.Value });
  let heard = 0;
  for (let i = 0; i < items.length; i += 500) {
    const group = await subscription.monitorItems(items.slice(i, i + 500), { samplingInterval: 25, queueSize: 10, discardOldest: true }, O.TimestampsToReturn.Both);
    group.on("changed", () => { heard += 1; });
  }
  await new Promise((done) => setTimeout(done, 2000));
  const before = process.cpuUsage(), from = heard, began = process.hrtime.bigint();
  await new Promise((done) => setTimeout(done, Number(seconds) * 1000));
  const used = process.cpuUsage(before), took = Number(process.hrtime.bigint() - began) / 1e9;
  process.stdout.write(JSON.stringify({ changes: heard - from, seconds: took, cpu_s: (used.user + used.system) / 1e6 }) + "\n");
  await subscription.terminate(); await session.close(); await client.disconnect();
})().catch((error) => { process.stderr.write(String(error.stack) + "\n"); process.exit(1); });
