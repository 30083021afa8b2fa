// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";

/// The interface of a merchant's own asset, by which this contract mints it.
interface IMintable {
    function mint(address to, uint256 tokenId, uint256 quantity) external;
}

/// One line of a claim. `asset` is this contract for tokens that it mints itself.
struct Item {
    address asset;
    uint256 tokenId;
    uint256 quantity;
}

/// The message of a voucher (functions/claiming/adapters/voucher.py signs it). Ids are keccak256 of Meridian's ids.
struct Claim {
    bytes32 claimId;
    bytes32 orderId;
    address recipient;
    Item[] items;
    uint256 nonce;
    uint256 deadline;
}

/// Redeems each voucher of the platform once, whoever submits it: the tokens go to the recipient in the voucher.
contract Claims is ERC1155, EIP712, AccessControl {
    /// May add and remove signers of vouchers. Its admin is DEFAULT_ADMIN_ROLE.
    bytes32 public constant ROTATOR_ROLE = keccak256("ROTATOR_ROLE");

    bytes32 private constant ITEM_TYPEHASH = keccak256("Item(address asset,uint256 tokenId,uint256 quantity)");
    bytes32 private constant CLAIM_TYPEHASH = keccak256(
        "Claim(bytes32 claimId,bytes32 orderId,address recipient,Item[] items,uint256 nonce,uint256 deadline)"
        "Item(address asset,uint256 tokenId,uint256 quantity)"
    );

    /// The signers of valid vouchers: each region may have its own, and a new one is added before the old one is removed.
    mapping(address key => bool) public signer;

    /// How many signers there are.
    uint256 public signers;

    /// The redeemed claims, by id and never by signature: a voucher may be reissued with a later deadline.
    mapping(bytes32 claimId => bool) public claimed;

    event Claimed(bytes32 indexed claimId, bytes32 indexed orderId, address indexed recipient, uint256 nonce);
    event SignerAdded(address indexed key);
    event SignerRemoved(address indexed key);

    error AlreadyClaimed(bytes32 claimId);
    error DeadlinePassed(uint256 deadline);
    error NotSignedByHouse();
    error NoSigner();

    constructor(address signer_, address admin) ERC1155("") EIP712("Meridian Claims", "1") {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(ROTATOR_ROLE, admin);
        _add(signer_);
    }

    /// Redeem a voucher. ECDSA refuses a high s (EIP-2), a wrong length, and the zero address.
    function claim(Claim calldata voucher, bytes calldata signature) external {
        if (block.timestamp > voucher.deadline) revert DeadlinePassed(voucher.deadline);
        if (!signer[ECDSA.recoverCalldata(digest(voucher), signature)]) revert NotSignedByHouse();
        if (claimed[voucher.claimId]) revert AlreadyClaimed(voucher.claimId);
        // Before anything is called: a recipient or an asset that calls back finds the claim taken.
        claimed[voucher.claimId] = true;
        emit Claimed(voucher.claimId, voucher.orderId, voucher.recipient, voucher.nonce);
        for (uint256 i = 0; i < voucher.items.length; i++) {
            Item calldata item = voucher.items[i];
            if (item.asset == address(this)) {
                _mint(voucher.recipient, item.tokenId, item.quantity, "");
            } else {
                IMintable(item.asset).mint(voucher.recipient, item.tokenId, item.quantity);
            }
        }
    }

    /// The digest of a voucher that the platform signs (EIP-712), bound to this chain and this contract.
    function digest(Claim calldata voucher) public view returns (bytes32) {
        bytes32[] memory items = new bytes32[](voucher.items.length);
        for (uint256 i = 0; i < items.length; i++) {
            Item calldata item = voucher.items[i];
            items[i] = keccak256(abi.encode(ITEM_TYPEHASH, item.asset, item.tokenId, item.quantity));
        }
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    CLAIM_TYPEHASH,
                    voucher.claimId,
                    voucher.orderId,
                    voucher.recipient,
                    keccak256(abi.encodePacked(items)),
                    voucher.nonce,
                    voucher.deadline
                )
            )
        );
    }

    /// Add a signer; one that is there already stays.
    function addSigner(address key) external onlyRole(ROTATOR_ROLE) {
        _add(key);
    }

    /// Remove a signer, but not the last one: its unredeemed vouchers are invalid from now on.
    function removeSigner(address key) external onlyRole(ROTATOR_ROLE) {
        if (!signer[key]) return;
        if (signers == 1) revert NoSigner();
        signer[key] = false;
        signers -= 1;
        emit SignerRemoved(key);
    }

    function _add(address key) private {
        if (key == address(0)) revert NoSigner();
        if (signer[key]) return;
        signer[key] = true;
        signers += 1;
        emit SignerAdded(key);
    }

    function supportsInterface(bytes4 id) public view override(ERC1155, AccessControl) returns (bool) {
        return super.supportsInterface(id);
    }
}
