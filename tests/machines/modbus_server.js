// A Modbus TCP server by modbus-serial: 200 holding and input registers, 64 coils and discrete inputs; addresses from
// 150 on do not exist, register 140 is read only, register 141 is busy. Usage: node modbus_server.js PORT
const { ServerTCP } = require("modbus-serial");

const holding = new Uint16Array(200), coils = new Uint8Array(64);
const refuse = (code) => { const error = new Error(`exception ${code}`); error.modbusErrorCode = code; throw error; };
const known = (address, length = 1) => { if (address + length > 150) refuse(2); };
holding[15] = 1200;                                   // speed
new DataView(holding.buffer).setUint16(0, 0);
const float = Buffer.alloc(4); float.writeFloatBE(2.5);
holding[17] = float.readUInt16BE(0); holding[18] = float.readUInt16BE(2);
const total = Buffer.alloc(4); total.writeUInt32BE(70000);
holding[29] = total.readUInt16BE(2); holding[30] = total.readUInt16BE(0);   // low word first
Buffer.from("JOB-1").forEach((byte, at) => { holding[40 + (at >> 1)] |= at & 1 ? byte : byte << 8; });
coils[4] = 1;

const server = new ServerTCP({
  getHoldingRegister: (address) => { known(address); return holding[address]; },
  getInputRegister: (address) => { known(address); return holding[address]; },
  getCoil: (address) => { if (address >= 64) refuse(2); return Boolean(coils[address]); },
  getDiscreteInput: (address) => { if (address >= 64) refuse(2); return Boolean(coils[address]); },
  setRegister: (address, value) => {
    known(address);
    if (address === 140) refuse(2);
    if (address === 141) refuse(6);
    holding[address] = value;
  },
  setCoil: (address, value) => { if (address >= 64) refuse(2); coils[address] = value; },
}, { host: "127.0.0.1", port: Number(process.argv[2]), unitID: 255, debug: false });
server.on("initialized", () => console.log("ready"));
server.on("socketError", () => {});
