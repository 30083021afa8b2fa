// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// Checks a contract wallet's signature in one eth_call without `to`: the constructor runs, and returns the wallet's
/// response in place of code. A wallet that is not deployed yet is deployed first (ERC-6492); a deployed one is called as
/// it is, since a signer must not decide what happens on the chain before.
contract SignatureCheck {
    /// deployment: the calldata with which the factory deploys the wallet.
    /// check: the calldata of the wallet's isValidSignature (ERC-1271).
    /// Returns the first word of the wallet's response, or nothing where the call fails or returns less.
    constructor(address factory, bytes memory deployment, address wallet, bytes memory check) {
        assembly ("memory-safe") {
            if iszero(extcodesize(wallet)) {
                pop(call(gas(), factory, 0, add(deployment, 32), mload(deployment), 0, 0))
            }
            let length := 0
            if staticcall(gas(), wallet, add(check, 32), mload(check), 0, 0) {
                if gt(returndatasize(), 31) { length := 32 }
            }
            returndatacopy(0, 0, length)
            return(0, length)
        }
    }
}
