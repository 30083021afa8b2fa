// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Accepts every call and payment, and does nothing.
contract Accepting {
    fallback() external payable {}

    receive() external payable {}
}

/// Has no functions: every call and payment reverts.
contract Reverting {}

/// Ends every call with the invalid instruction.
contract Halting {
    fallback() external {
        assembly {
            invalid()
        }
    }
}

/// Loops until its gas is used up, whether it is called or paid.
contract EndlessLoop {
    fallback() external payable {
        while (true) {}
    }

    receive() external payable {
        while (true) {}
    }
}

/// Hashes until its gas is used up.
contract EndlessHashing {
    fallback() external {
        assembly {
            for {} 1 {} { mstore(0, keccak256(0, 64)) }
        }
    }
}

/// Accepts payments, and returns or reverts with so many bytes.
contract LongAnswer {
    uint256 private immutable LENGTH;
    bool private immutable REVERTS;

    constructor(uint256 length, bool reverts) {
        LENGTH = length;
        REVERTS = reverts;
    }

    receive() external payable {
        uint256 length = LENGTH;
        bool reverts = REVERTS;
        assembly {
            if reverts { revert(0, length) }
            return(0, length)
        }
    }
}

/// A wallet that records a payment in storage, and answers with so many bytes.
contract RecordingWallet {
    uint256 private immutable LENGTH;
    uint256 public payments;

    constructor(uint256 length) {
        LENGTH = length;
    }

    receive() external payable {
        payments = 1;
        uint256 length = LENGTH;
        assembly {
            return(0, length)
        }
    }
}
