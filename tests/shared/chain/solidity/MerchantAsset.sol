// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// A merchant's own contract: it answers one query, about who controls it, with fixed bytes, and takes any other call for
/// a mint, which succeeds or reverts.
contract MerchantAsset {
    bytes private answer;
    bytes4 private immutable QUERY;
    bool private immutable REVERTS;
    uint256 private immutable SLOTS;

    /// query, answer_: the selector of the query, and the bytes returned.
    /// reverts: whether a mint reverts.
    /// slots: how many words a mint writes to storage first, for 22,100 gas each.
    constructor(bytes4 query, bytes memory answer_, bool reverts, uint256 slots) {
        QUERY = query;
        answer = answer_;
        REVERTS = reverts;
        SLOTS = slots;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        if (msg.sig == QUERY) return answer;
        if (REVERTS) revert();
        for (uint256 slot = 1; slot <= SLOTS; ++slot) {
            assembly {
                sstore(slot, slot)
            }
        }
        return "";
    }
}
