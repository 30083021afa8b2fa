// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Create2} from "@openzeppelin/contracts/utils/Create2.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

/// The deposit address of one wallet. Its only function is to forward its funds to the vault.
contract Forwarder {
    using SafeERC20 for IERC20;

    address private immutable VAULT = msg.sender;

    error NotTheVault();

    receive() external payable {}

    /// Forward all of an asset; the zero address stands for ether. Only the vault may call this: funds forwarded by
    /// anybody else would not be credited to any wallet.
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

/// Holds users' deposits. Every deposit emits a `Deposited` event, and every payment happens once.
///
/// A wallet's deposit address is that of its Forwarder (CREATE2, salt = the wallet's id), which need not be deployed to
/// receive ether and tokens; `collect` deploys it when there is something to collect. So funds that arrive in any way, by
/// a plain transfer or another contract's call, before or after the deployment, are credited by one kind of event.
contract Vault is AccessControl, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// May pay out. Its admin is DEFAULT_ADMIN_ROLE.
    bytes32 public constant PAYER_ROLE = keccak256("PAYER_ROLE");

    /// The gas limit of a recipient of ether: enough for a contract wallet that delegates to its implementation and logs
    /// the payment (some 10,000), and little enough that a recipient cannot have the platform pay for its own work.
    uint256 public constant RECIPIENT_GAS = 100_000;

    /// The payments made, by the hash of the withdrawal's id: a second transaction for one finds it paid.
    mapping(bytes32 payment => bool) public paid;

    /// The payments that will never be made. Which of `pay` and `cancel` comes first decides, whoever sends them.
    mapping(bytes32 payment => bool) public cancelled;

    event Deposited(bytes32 indexed wallet, address indexed asset, uint256 amount);
    event Funded(address indexed asset, uint256 amount);
    event Paid(bytes32 indexed payment, address indexed asset, address indexed to, uint256 amount);
    event Cancelled(bytes32 indexed payment);

    error AlreadyPaid(bytes32 payment);
    error AlreadyCancelled(bytes32 payment);
    error NotTaken();

    constructor(address admin, address payer) {
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(PAYER_ROLE, payer);
    }

    /// Ether comes from a Forwarder that `collect` empties, or by `deposit` and `fund`: any other would belong to no
    /// wallet.
    receive() external payable {
        require(_reentrancyGuardEntered());
    }

    /// The deposit address of a wallet.
    function depositAddress(bytes32 wallet) public view returns (address) {
        return Create2.computeAddress(wallet, keccak256(type(Forwarder).creationCode));
    }

    /// The uncollected balances of deposit addresses.
    function uncollected(bytes32[] calldata wallets, address asset) external view returns (uint256[] memory amounts) {
        amounts = new uint256[](wallets.length);
        for (uint256 i = 0; i < wallets.length; i++) {
            amounts[i] = _balance(asset, depositAddress(wallets[i]));
        }
    }

    /// Collect the balances of deposit addresses. Anybody may call and pay for it: the funds can only come here.
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

    /// Add ether of the platform, which belongs to no wallet.
    function fund() external payable nonReentrant {
        emit Funded(address(0), msg.value);
    }

    /// Have a payment never be made: what was signed for it, by whichever key, can only revert from now on.
    function cancel(bytes32 payment) external onlyRole(PAYER_ROLE) {
        _open(payment);
        cancelled[payment] = true;
        emit Cancelled(payment);
    }

    /// Pay a withdrawal, once.
    function pay(bytes32 payment, address asset, address to, uint256 amount)
        external
        onlyRole(PAYER_ROLE)
        nonReentrant
    {
        _open(payment);
        paid[payment] = true;
        emit Paid(payment, asset, to, amount);
        if (asset == address(0)) {
            if (!_send(to, amount)) revert NotTaken();
        } else {
            IERC20(asset).safeTransfer(to, amount);
        }
    }

    /// Revert unless a payment was neither made nor cancelled.
    function _open(bytes32 payment) private view {
        if (paid[payment]) revert AlreadyPaid(payment);
        if (cancelled[payment]) revert AlreadyCancelled(payment);
    }

    /// Send ether; returns whether the recipient accepted it. Its return data is not copied: that may be of any length,
    /// and the caller would pay for the memory.
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
