// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// The deposit address of one wallet. It can do one thing: hand what lies on it to the vault.
contract Forwarder {
    using SafeERC20 for IERC20;

    address private immutable VAULT = msg.sender;

    error NotTheVault();

    receive() external payable {}

    /// Hand over all of an asset; the zero address stands for ether. At the vault's word alone: what came to the vault
    /// by anybody else's would be credited to nobody.
    function forward(address asset) external {
        if (msg.sender != VAULT) revert NotTheVault();
        if (asset == address(0)) {
            (bool taken,) = VAULT.call{value: address(this).balance}("");
            require(taken);
        } else {
            IERC20(asset).safeTransfer(VAULT, IERC20(asset).balanceOf(address(this)));
        }
    }
}

/// Keeps what users have deposited. Every deposit leaves it a `Deposited` event, every payment happens once.
///
/// A wallet's deposit address is that of its Forwarder (CREATE2, salt = the wallet's id), which needs not exist yet to
/// receive ether and tokens; `collect` makes it when there is something to fetch. So funds that came in by any way, a
/// plain transfer, another contract's call, before or after the Forwarder was made, are credited by one kind of event.
contract Vault is AccessControl, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// May pay out. Its admin is DEFAULT_ADMIN_ROLE.
    bytes32 public constant PAYER_ROLE = keccak256("PAYER_ROLE");

    /// How much gas a recipient of ether may use: enough for a contract wallet that forwards to its implementation and
    /// logs what came (some 10,000), and little enough that a recipient cannot have the house pay for its own work.
    uint256 public constant RECIPIENT_GAS = 100_000;

    /// Which payments were made, by the hash of the withdrawal's id: a second transaction for one finds it paid.
    mapping(bytes32 payment => bool) public paid;

    event Deposited(bytes32 indexed wallet, address indexed asset, uint256 amount);
    event Funded(address indexed asset, uint256 amount);
    event Paid(bytes32 indexed payment, address indexed asset, address indexed to, uint256 amount);

    error AlreadyPaid(bytes32 payment);
    error NotTaken();

    constructor(address admin, address payer) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAYER_ROLE, payer);
    }

    /// Ether comes from a Forwarder that `collect` empties, or by `deposit` and `fund`: what came otherwise would
    /// belong to nobody.
    receive() external payable {
        require(_reentrancyGuardEntered());
    }

    /// Where a wallet's funds go.
    function depositAddress(bytes32 wallet) public view returns (address) {
        return Create2.computeAddress(wallet, keccak256(type(Forwarder).creationCode));
    }

    /// What lies on deposit addresses and was not fetched yet.
    function uncollected(bytes32[] calldata wallets, address asset) external view returns (uint256[] memory amounts) {
        amounts = new uint256[](wallets.length);
        for (uint256 i = 0; i < wallets.length; i++) {
            amounts[i] = _balance(asset, depositAddress(wallets[i]));
        }
    }

    /// Fetch what lies on deposit addresses. Anybody may pay for it: it can only come here.
    function collect(bytes32[] calldata wallets, address asset) external nonReentrant {
        for (uint256 i = 0; i < wallets.length; i++) {
            address from = depositAddress(wallets[i]);
            if (_balance(asset, from) == 0) continue;
            if (from.code.length == 0) Create2.deploy(0, wallets[i], type(Forwarder).creationCode);
            uint256 before = _balance(asset, address(this));
            Forwarder(payable(from)).forward(asset);
            // What has come counts: some tokens keep a part of every transfer.
            emit Deposited(wallets[i], asset, _balance(asset, address(this)) - before);
        }
    }

    /// Deposit ether for a wallet without its deposit address.
    function deposit(bytes32 wallet) external payable nonReentrant {
        emit Deposited(wallet, address(0), msg.value);
    }

    /// Deposit a token for a wallet without its deposit address.
    function depositToken(bytes32 wallet, IERC20 asset, uint256 amount) external nonReentrant {
        uint256 before = asset.balanceOf(address(this));
        asset.safeTransferFrom(msg.sender, address(this), amount);
        emit Deposited(wallet, address(asset), asset.balanceOf(address(this)) - before);
    }

    /// Ether of the house's own, which belongs to no wallet.
    function fund() external payable nonReentrant {
        emit Funded(address(0), msg.value);
    }

    /// Pay a withdrawal, once.
    function pay(bytes32 payment, address asset, address to, uint256 amount)
        external
        onlyRole(PAYER_ROLE)
        nonReentrant
    {
        if (paid[payment]) revert AlreadyPaid(payment);
        paid[payment] = true;
        emit Paid(payment, asset, to, amount);
        if (asset == address(0)) {
            if (!_send(to, amount)) revert NotTaken();
        } else {
            IERC20(asset).safeTransfer(to, amount);
        }
    }

    /// Hand ether over; whether it was taken. What the recipient answers is not copied: it may be as long as it likes,
    /// and memory for it would be paid for here.
    function _send(address to, uint256 amount) private returns (bool taken) {
        uint256 gasMost = RECIPIENT_GAS;
        assembly ("memory-safe") {
            taken := call(gasMost, to, amount, 0, 0, 0, 0)
        }
    }

    function _balance(address asset, address of_) private view returns (uint256) {
        return asset == address(0) ? of_.balance : IERC20(asset).balanceOf(of_);
    }
}
