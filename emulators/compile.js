// Compiles the .sol files of a folder to standard output: node emulators/compile.js FOLDER > FOLDER/contracts.json
//
// One JSON document: the ABI and creation bytecode of each contract, the compiler's version, and a hash of the sources.
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const solc = require("solc");

const folder = process.argv[2];
const names = fs.readdirSync(folder).filter((name) => name.endsWith(".sol")).sort();
const sources = Object.fromEntries(
  names.map((name) => [name, { content: fs.readFileSync(path.join(folder, name), "utf8") }]),
);
const hash = crypto.createHash("sha256");
for (const name of names) hash.update(`${name}\0${sources[name].content}\0`);

const settings = {
  evmVersion: "cancun",
  optimizer: { enabled: true, runs: 200 },
  metadata: { appendCBOR: false, bytecodeHash: "none" },
  outputSelection: { "*": { "*": ["abi", "evm.bytecode.object"] } },
};
const library = (name) => ({ contents: fs.readFileSync(require.resolve(name), "utf8") });
const output = JSON.parse(
  solc.compile(JSON.stringify({ language: "Solidity", sources, settings }), { import: library }),
);
const wrong = (output.errors || []).filter((error) => error.severity !== "info");
if (wrong.length) {
  process.stderr.write(wrong.map((error) => error.formattedMessage).join("\n"));
  process.exit(1);
}
const contracts = {};
for (const name of names) {
  for (const [contract, made] of Object.entries(output.contracts[name])) {
    if (made.evm.bytecode.object) contracts[contract] = { abi: made.abi, bytecode: `0x${made.evm.bytecode.object}` };
  }
}
const document = { compiler: solc.version(), sources: hash.digest("hex"), contracts };
process.stdout.write(JSON.stringify(document, null, 1) + "\n");
