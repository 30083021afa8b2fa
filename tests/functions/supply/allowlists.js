// Allowlists as merchants make them, for tests: node tests/functions/supply/allowlists.js > allowlists.json
//
// Trees of @openzeppelin/merkle-tree of one to 33 leaves, plain ones and ones with overrides, with the proof of each leaf.
const { createHash } = require("crypto");
const path = require("path");
const modules = path.join(__dirname, "..", "..", "..", "emulators", "node_modules");
const { StandardMerkleTree } = require(require.resolve("@openzeppelin/merkle-tree", { paths: [modules] }));

const digits = (...of) => createHash("sha256").update(of.join(" ")).digest("hex");
const address = (size, n) => "0x" + digits("address", size, n).slice(0, 40);
const PRICES = ["0", "1", "1500000", "115792089237316195423570985008687907853269984665640564039457584007913129639935"];

const plain = (size) => [["address"], Array.from({ length: size }, (_, n) => [address(size, n)])];
const priced = (size) => [
  ["address", "uint256", "uint256"],
  Array.from({ length: size }, (_, n) => [address(size, n), String((n * 7) % 5), PRICES[n % PRICES.length]]),
];

const lists = [1, 2, 3, 7, 33].flatMap((size) => [plain(size), priced(size)]);
const trees = lists.map(([types, values]) => {
  const tree = StandardMerkleTree.of(values, types);
  return { root: tree.root, leaves: values.map((value, n) => ({ value, proof: tree.getProof(n) })) };
});
process.stdout.write(JSON.stringify(trees, null, 1) + "\n");
