"""Signers with a key file and with KMS: the same signatures, and no damaged one."""

import secrets
from collections.abc import Callable, Iterator

import pytest
from eth_account import Account
from google.cloud.kms_v1 import KeyManagementServiceClient

from shared.chain.eip1559 import Eip1559Transaction, signed
from shared.chain.ethereum import HALF_ORDER, ORDER, address_of, keccak, recover
from shared.chain.signers import FileSigner, KmsSigner, Signer, with_recovery_id
from shared.errors import Unavailable
from tests.kms import FakeKms, reached, serving

NAME = "projects/p/locations/global/keyRings/r/cryptoKeys/treasury/cryptoKeyVersions/1"
KEY = b"\x2a" * 32
DIGEST = keccak(b"what is signed")


@pytest.fixture
def fake() -> FakeKms:
    return FakeKms({NAME: KEY})


@pytest.fixture
def client(fake: FakeKms) -> Iterator[KeyManagementServiceClient]:
    with serving(fake) as port, reached(port) as connected:
        yield connected


@pytest.fixture(params=["file", "kms"])
def signer(request: pytest.FixtureRequest, client: KeyManagementServiceClient) -> Signer:
    """Both, over the same key: one suite for the two."""
    return FileSigner(KEY) if request.param == "file" else KmsSigner(client, NAME)


def test_has_the_keys_address(signer: Signer) -> None:
    """The address that eth-account derives from the key."""
    assert signer.address == address_of(KEY) == Account.from_key(KEY).address


@pytest.mark.parametrize("high_s", [False, True])
def test_signs_with_a_low_s(signer: Signer, fake: FakeKms, high_s: bool) -> None:
    """65 bytes that recover to the address, s in the lower half whichever KMS answers with (EIP-2)."""
    fake.high_s = high_s
    for _ in range(20):
        digest = secrets.token_bytes(32)
        signature = signer.sign(digest)
        assert len(signature) == 65
        assert signature[64] in (27, 28)
        assert 0 < int.from_bytes(signature[32:64]) <= HALF_ORDER
        assert recover(digest, signature) == signer.address


def test_signs_transactions_that_others_can_read(signer: Signer) -> None:
    """eth-account recovers the sender of a type 2 transaction, and signs the same bytes itself."""
    to = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
    transaction = Eip1559Transaction(31337, 7, to, b"\x01\x02", 21000, 3 * 10**9, 10**9, value=5)
    made = signed(transaction, signer)
    assert Account.recover_transaction(made.raw) == signer.address
    fields = {"type": 2, "chainId": 31337, "nonce": 7, "to": to, "data": b"\x01\x02", "gas": 21000, "value": 5}
    fees = {"maxFeePerGas": 3 * 10**9, "maxPriorityFeePerGas": 10**9}
    other = Account.sign_transaction({**fields, **fees}, KEY)
    assert bytes(other.raw_transaction) == made.raw
    assert "0x" + bytes(other.hash).hex() == made.hash


@pytest.mark.parametrize("corrupt", ["name", "signature", "digest"])
def test_refuses_what_was_damaged_on_the_way(client: KeyManagementServiceClient, fake: FakeKms, corrupt: str) -> None:
    """A response of another key version, or a wrong checksum of signature or digest, is an error."""
    signer = KmsSigner(client, NAME)
    assert signer.address
    fake.corrupt = corrupt
    with pytest.raises(Unavailable):
        signer.sign(DIGEST)


@pytest.mark.parametrize("corrupt", ["name", "pem"])
def test_refuses_a_damaged_public_key(client: KeyManagementServiceClient, fake: FakeKms, corrupt: str) -> None:
    """An address is never derived from a damaged key, and a retry gets the right one."""
    signer = KmsSigner(client, NAME)
    fake.corrupt = corrupt
    with pytest.raises(Unavailable):
        _ = signer.address
    fake.corrupt = ""
    assert signer.address == address_of(KEY)


def test_refuses_the_signature_of_another_key(client: KeyManagementServiceClient, fake: FakeKms) -> None:
    """No recovery id makes it the key's own, so nothing that others would refuse is ever sent."""
    fake.wrong_key = True
    with pytest.raises(Unavailable):
        KmsSigner(client, NAME).sign(DIGEST)


@pytest.mark.parametrize("wrong", [lambda fake: setattr(fake, "down", True), lambda fake: fake.keys.clear()])
def test_a_kms_that_does_not_answer_is_unavailable(
    client: KeyManagementServiceClient, fake: FakeKms, wrong: Callable[[FakeKms], None]
) -> None:
    """Away, or without the key version: 503, never another failure."""
    signer = KmsSigner(client, NAME)
    wrong(fake)
    with pytest.raises(Unavailable):
        signer.sign(DIGEST)


def test_asks_for_the_public_key_once(client: KeyManagementServiceClient, fake: FakeKms) -> None:
    """A signature costs one call."""
    signer = KmsSigner(client, NAME)
    for _ in range(3):
        signer.sign(DIGEST)
    assert fake.calls.count("GetPublicKey") == 1
    assert fake.calls.count("AsymmetricSign") == 3


@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (ORDER, 1), (5, ORDER - 1)])
def test_numbers_out_of_range_are_no_signature(r: int, s: int) -> None:
    """Whatever DER carried, r and s lie within the order."""
    with pytest.raises(Unavailable):
        with_recovery_id(DIGEST, r, s, address_of(KEY))
