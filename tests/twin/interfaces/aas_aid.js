// Reads [[way, text], …] from standard input, way "aid" (a Thing Description comes) or "td" (an AID comes); answers as a list.
const { AssetInterfacesDescription } = require("@thingweb/aas-aid");
const it = new AssetInterfacesDescription();
let given = "";
process.stdin.on("data", (piece) => { given += piece; });
process.stdin.on("end", () => {
    const made = JSON.parse(given).map(([way, text]) => way === "aid" ? it.transformTD2AID(text) : it.transformAID2TD(text));
    process.stdout.write(JSON.stringify(made));
});
