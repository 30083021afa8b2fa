"""The claim contract honours what functions/claiming/adapters/voucher.py signs, once, and nothing else."""

import json
from dataclasses import dataclass, replace
from typing import Any

import pytest

from functions.claiming.adapters.voucher import Eip712Vouchers
from functions.claiming.domain.claim import Item, Terms
from shared.chain.ethereum import ORDER
from shared.chain.signers import FileSigner
from tests.evm import Evm, Refused, error

CLAIM = "claim((bytes32,bytes32,address,(address,uint256,uint256)[],uint256,uint256),bytes)"
HOUSE = FileSigner(b"\x07" * 32)
SOMEBODY = "0x00000000000000000000000000000000000B0B01"
SOMEBODY_ELSE = "0x00000000000000000000000000000000000B0B02"
WEEK_SECONDS = 604_800


@dataclass(frozen=True)
class Shop:
    """The claim contract on a chain of its own."""

    evm: Evm
    contract: str

    def terms(self, **other: Any) -> Terms:
        item = Item(self.evm.chain_id, self.contract, 77, 3)
        deadline = self.evm.now() + WEEK_SECONDS
        return replace(Terms("clm_1", "ord_1", SOMEBODY, (item,), 12345, deadline), **other)

    def voucher(self, terms: Terms, signer: FileSigner = HOUSE) -> dict[str, Any]:
        made: dict[str, Any] = json.loads(Eip712Vouchers(self.contract, signer).sign(terms))
        return made

    def claim(self, voucher: dict[str, Any], sender: int = 0) -> None:
        self.evm.send(self.contract, CLAIM, arguments(voucher), signature(voucher), sender=sender)

    def owned(self, owner: str, token_id: int) -> int:
        found: int = self.evm.ask(self.contract, ["uint256"], "balanceOf(address,uint256)", owner, token_id)
        return found


def arguments(voucher: dict[str, Any]) -> tuple[Any, ...]:
    """A voucher's message as the contract takes it."""
    message = voucher["message"]
    items = [(item["asset"], int(item["tokenId"]), int(item["quantity"])) for item in message["items"]]
    ids = [bytes.fromhex(message[name][2:]) for name in ("claimId", "orderId")]
    return (*ids, message["recipient"], items, int(message["nonce"]), int(message["deadline"]))


def signature(voucher: dict[str, Any]) -> bytes:
    return bytes.fromhex(voucher["signature"][2:])


@pytest.fixture
def shop() -> Shop:
    evm = Evm()
    return Shop(evm, evm.create("Claims", HOUSE.address, evm.accounts[0]))


def test_hands_out_what_the_voucher_says(shop: Shop) -> None:
    """Whoever submits the voucher, its recipient gets each item in its quantity."""
    items = (Item(shop.evm.chain_id, shop.contract, 77, 3), Item(shop.evm.chain_id, shop.contract, 2**256 - 1, 1))
    shop.claim(shop.voucher(shop.terms(items=items)), sender=5)
    assert [shop.owned(SOMEBODY, token_id) for token_id in (77, 2**256 - 1)] == [3, 1]
    assert shop.owned(shop.evm.accounts[5], 77) == 0


def test_computes_the_digest_that_the_house_signs(shop: Shop) -> None:
    """The contract and voucher.py agree on every byte that is signed."""
    voucher = shop.voucher(shop.terms())
    types = CLAIM.removeprefix("claim").removesuffix(",bytes)") + ")"
    digest: bytes = shop.evm.ask(shop.contract, ["bytes32"], "digest" + types, arguments(voucher))
    assert "0x" + digest.hex() == voucher["digest"]


def test_honours_a_voucher_once(shop: Shop) -> None:
    """A replay is refused and hands out nothing."""
    voucher = shop.voucher(shop.terms())
    shop.claim(voucher)
    with pytest.raises(Refused) as refused:
        shop.claim(voucher)
    assert refused.value.selector == error("AlreadyClaimed(bytes32)")
    assert shop.owned(SOMEBODY, 77) == 3


def test_honours_a_claim_once_whatever_its_voucher(shop: Shop) -> None:
    """A voucher that was reissued with a later deadline does not give the claim a second time."""
    terms = shop.terms()
    shop.claim(shop.voucher(terms))
    with pytest.raises(Refused) as refused:
        shop.claim(shop.voucher(replace(terms, deadline=terms.deadline + 1000)))
    assert refused.value.selector == error("AlreadyClaimed(bytes32)")


@pytest.mark.parametrize(
    "change",
    [
        {"recipient": SOMEBODY_ELSE},
        {"claim_id": "clm_2"},
        {"order_id": "ord_2"},
        {"nonce": 1},
        {"deadline": 2**40},
        {"items": ()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_refuses_a_changed_voucher(shop: Shop, change: dict[str, Any]) -> None:
    """Any change to a voucher invalidates its signature: another recipient, id, nonce, deadline, items."""
    honest = shop.voucher(shop.terms())
    changed = shop.voucher(replace(shop.terms(), **change)) if "items" not in change else honest
    message = {**honest["message"], "items": []} if "items" in change else changed["message"]
    with pytest.raises(Refused) as refused:
        shop.claim({"message": message, "signature": honest["signature"]})
    assert refused.value.selector == error("NotSignedByHouse()")
    assert shop.owned(SOMEBODY_ELSE, 77) == 0


@pytest.mark.parametrize("change", [{"quantity": 4}, {"token_id": 78}])
def test_refuses_a_changed_item(shop: Shop, change: dict[str, Any]) -> None:
    """Another quantity or token than the signed one is refused."""
    terms = shop.terms()
    changed = shop.voucher(replace(terms, items=(replace(terms.items[0], **change),)))
    with pytest.raises(Refused) as refused:
        shop.claim({**changed, "signature": shop.voucher(terms)["signature"]})
    assert refused.value.selector == error("NotSignedByHouse()")


def test_refuses_a_voucher_for_another_chain(shop: Shop) -> None:
    """The chain id is part of what is signed."""
    abroad = Item(shop.evm.chain_id + 1, shop.contract, 77, 3)
    with pytest.raises(Refused) as refused:
        shop.claim(shop.voucher(shop.terms(items=(abroad,))))
    assert refused.value.selector == error("NotSignedByHouse()")


def test_refuses_a_voucher_for_another_contract(shop: Shop) -> None:
    """A second claim contract of the same signer does not accept the first one's vouchers."""
    evm = shop.evm
    other = Shop(evm, evm.create("Claims", HOUSE.address, evm.accounts[0]))
    with pytest.raises(Refused) as refused:
        other.claim(shop.voucher(shop.terms()))
    assert refused.value.selector == error("NotSignedByHouse()")


def test_refuses_another_signer(shop: Shop) -> None:
    """Only vouchers of the configured signer are accepted."""
    with pytest.raises(Refused) as refused:
        shop.claim(shop.voucher(shop.terms(), FileSigner(b"\x08" * 32)))
    assert refused.value.selector == error("NotSignedByHouse()")


def test_refuses_a_signature_with_a_high_s(shop: Shop) -> None:
    """The second signature that anyone can make of a first is refused (EIP-2)."""
    voucher = shop.voucher(shop.terms())
    r, s, v = signature(voucher)[:32], int.from_bytes(signature(voucher)[32:64]), signature(voucher)[64]
    high = r + (ORDER - s).to_bytes(32) + bytes([55 - v])
    with pytest.raises(Refused) as refused:
        shop.claim({**voucher, "signature": "0x" + high.hex()})
    assert refused.value.selector == error("ECDSAInvalidSignatureS(bytes32)")


def test_refuses_a_voucher_past_its_deadline(shop: Shop) -> None:
    """A voucher is good until its deadline, not after."""
    voucher = shop.voucher(shop.terms())
    shop.evm.travel(WEEK_SECONDS + 60)
    with pytest.raises(Refused) as refused:
        shop.claim(voucher)
    assert refused.value.selector == error("DeadlinePassed(uint256)")


def test_honours_every_signer_that_was_added(shop: Shop) -> None:
    """Vouchers of both are accepted while there are two: so a key is replaced without refusing what is on its way."""
    fresh = FileSigner(b"\x09" * 32)
    for _ in range(2):  # again, it changes nothing
        shop.evm.send(shop.contract, "addSigner(address)", fresh.address)
    assert signers(shop) == 2
    shop.claim(shop.voucher(shop.terms(), fresh))
    shop.claim(shop.voucher(shop.terms(claim_id="clm_2")))
    assert shop.owned(SOMEBODY, 77) == 6


def test_refuses_a_signer_that_was_removed(shop: Shop) -> None:
    """Its vouchers are refused from then on, and the others' are not."""
    fresh = FileSigner(b"\x09" * 32)
    shop.evm.send(shop.contract, "addSigner(address)", fresh.address)
    for _ in range(2):
        shop.evm.send(shop.contract, "removeSigner(address)", HOUSE.address)
    assert signers(shop) == 1
    with pytest.raises(Refused) as refused:
        shop.claim(shop.voucher(shop.terms()))
    assert refused.value.selector == error("NotSignedByHouse()")
    shop.claim(shop.voucher(shop.terms(), fresh))
    assert shop.owned(SOMEBODY, 77) == 3


@pytest.mark.parametrize("change", ["addSigner(address)", "removeSigner(address)"])
def test_lets_nobody_else_change_its_signers(shop: Shop, change: str) -> None:
    """Without the role they stay."""
    with pytest.raises(Refused) as refused:
        shop.evm.send(shop.contract, change, HOUSE.address, sender=3)
    assert refused.value.selector == error("AccessControlUnauthorizedAccount(address,bytes32)")


def test_has_always_a_signer(shop: Shop) -> None:
    """The zero address, which a failed recovery would match, is no signer; and the last one stays."""
    for change, key in (("addSigner(address)", "0x" + "0" * 40), ("removeSigner(address)", HOUSE.address)):
        with pytest.raises(Refused) as refused:
            shop.evm.send(shop.contract, change, key)
        assert refused.value.selector == error("NoSigner()")
    assert signers(shop) == 1


def signers(shop: Shop) -> int:
    found: int = shop.evm.ask(shop.contract, ["uint256"], "signers()")
    return found
