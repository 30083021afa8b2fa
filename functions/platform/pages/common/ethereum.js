// @ts-check
/** Keys, addresses and signatures of Ethereum accounts, for a key that the page itself has. */
import { bytesToHex, hexToBytes, utf8ToBytes } from "../vendor/utils.js";
import { keccak_256 } from "../vendor/sha3.js";
import { getPublicKey, signAsync, utils } from "../vendor/secp256k1.js";

/** @returns {string} a new private key, in hexadecimal */
export function newPrivateKey() {
  return bytesToHex(utils.randomSecretKey());
}

/**
 * The address of a key, in its EIP-55 form.
 *
 * @param {string} privateKey in hexadecimal
 */
export function addressOf(privateKey) {
  const point = getPublicKey(hexToBytes(privateKey), false).slice(1);
  return checksummed(bytesToHex(keccak_256(point).slice(-20)));
}

/**
 * Sign a message as `personal_sign` does (EIP-191).
 *
 * @param {string} message
 * @param {string} privateKey in hexadecimal
 * @returns {Promise<string>} r, s and v in hexadecimal
 */
export async function signMessage(message, privateKey) {
  const text = utf8ToBytes(message);
  const digest = keccak_256(new Uint8Array([...utf8ToBytes(`\x19Ethereum Signed Message:\n${text.length}`), ...text]));
  const signed = await signAsync(digest, hexToBytes(privateKey), { prehash: false, format: "recovered" });
  return `0x${bytesToHex(signed.slice(1))}${bytesToHex(new Uint8Array([27 + (signed[0] ?? 0)]))}`;
}

/**
 * The EIP-55 form of an address.
 *
 * @param {string} address 40 hexadecimal digits, with or without 0x
 */
export function checksummed(address) {
  const digits = address.toLowerCase().replace(/^0x/, "");
  const hash = bytesToHex(keccak_256(utf8ToBytes(digits)));
  return `0x${[...digits].map((digit, place) => (parseInt(hash.charAt(place), 16) >= 8 ? digit.toUpperCase() : digit)).join("")}`;
}
