"""The claim contract honours the voucher of POST /v1/claims once, on a real EVM."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from emulators.demo.api_user import ApiUser
from emulators.stack.parts import contracts
from emulators.stack.stack import Stack
from functions.claiming.adapters.voucher import Eip712Vouchers
from functions.claiming.domain.claim import Item, Terms
from shared import ids
from shared.chain.abi import encoded
from shared.chain.ethereum import keccak
from shared.chain.node import Reverted
from shared.resources import Resources
from tests.chain import LocalChain
from tests.shared.chain.solidity.test_claims import CLAIM, arguments, signature


def refused(chain: LocalChain, voucher: dict[str, Any], **change: Any) -> bool:
    """Whether the contract refuses a voucher, changed or not, and mines it as failed."""
    data = encoded(CLAIM, arguments({"message": {**voucher["message"], **change}}), signature(voucher))
    with pytest.raises(Reverted):
        chain.client.gas(data, contracts.CLAIMS, chain.accounts[1])
    receipt = chain.client.receipt(chain.send(contracts.CLAIMS, data))
    return receipt is not None and not receipt.succeeded


def test_a_claim_is_redeemed_once(
    chain: LocalChain,
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
) -> None:
    """The relayer redeems it: the buyer has the tokens; replay and another recipient are refused."""
    supply = on_sale(asset=None)
    order = paid_order(buyer, supply, quantity=3)
    claim = buyer.post("/v1/claims", {"order_id": order["id"]})
    voucher = claim["voucher"]
    assert voucher["domain"]["verifyingContract"] == contracts.CLAIMS
    token_id = int.from_bytes(keccak(supply["id"].encode()))

    def owned(owner: str) -> int:
        found: int = chain.ask(contracts.CLAIMS, ["uint256"], "balanceOf(address,uint256)", owner, token_id)
        return found

    assert refused(chain, voucher, recipient=chain.accounts[1])
    path = f"/v1/claims/{claim['id']}"
    chain.until(lambda: buyer.get(path)["status"] == "processed", "the claim is processed", mining=True)
    processed = buyer.get(path)
    assert (processed["voucher"], processed["transaction"]["chain_id"]) == (voucher, contracts.CHAIN_ID)
    receipt = chain.client.receipt(processed["transaction"]["hash"])
    assert receipt is not None
    assert receipt.succeeded
    assert (owned(buyer.address), owned(chain.accounts[1])) == (3, 0)
    assert refused(chain, voucher)
    assert owned(buyer.address) == 3


def test_a_claim_survives_a_node_restart(
    chain: LocalChain,
    stack: Stack,
    buyer: ApiUser,
    on_sale: Callable[..., dict[str, Any]],
    paid_order: Callable[..., dict[str, Any]],
) -> None:
    """The node is down during the claim: it is redeemed once the node is back."""
    order = paid_order(buyer, on_sale(asset=None))
    stack.stop("chain")
    try:
        claim = buyer.post("/v1/claims", {"order_id": order["id"]})
    finally:
        stack.start("chain")
    path = f"/v1/claims/{claim['id']}"
    chain.until(lambda: buyer.get(path)["status"] == "processed", "the claim is processed", mining=True)


def test_a_voucher_for_another_chain_is_refused(chain: LocalChain, resources: Resources) -> None:
    """A voucher signed for chain 1 is refused on this one."""
    items = (Item(1, contracts.CLAIMS, 5, 1),)
    terms = Terms(ids.new("clm", "us"), ids.new("ord", "us"), chain.accounts[2], items, nonce=1, deadline=2**40)
    voucher = json.loads(Eip712Vouchers(contracts.CLAIMS, resources.signer("voucher")).sign(terms))
    assert voucher["domain"]["chainId"] == 1
    assert refused(chain, voucher)
