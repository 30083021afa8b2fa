// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// A contract wallet with one owner: the signatures of the owner's key are valid, and no others.
contract OwnedWallet is IERC1271 {
    address private immutable OWNER;

    constructor(address owner) {
        OWNER = owner;
    }

    function isValidSignature(bytes32 hash, bytes calldata signature) external view returns (bytes4) {
        if (signature.length != 65) return bytes4(0);
        bytes32 r = bytes32(signature[0:32]);
        bytes32 s = bytes32(signature[32:64]);
        address signer = ecrecover(hash, uint8(signature[64]), r, s);
        return signer == OWNER ? IERC1271.isValidSignature.selector : bytes4(0);
    }
}

/// Answers every call with the same bytes.
contract FixedAnswer {
    bytes private answer;

    constructor(bytes memory answer_) {
        answer = answer_;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        return answer;
    }
}

/// Answers every call with one word, which a call with 32 bytes of data sets.
contract SettableAnswer {
    bytes32 private answer;

    fallback(bytes calldata data) external returns (bytes memory) {
        if (data.length == 32) {
            answer = bytes32(data);
            return "";
        }
        return abi.encode(answer);
    }
}
