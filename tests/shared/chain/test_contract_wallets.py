"""Contract wallets on a real EVM: exactly the signatures valid by ERC-1271 and ERC-6492 are accepted."""

import secrets
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final

import pytest
from eth_abi import encode

from shared.chain.contract_wallets import GAS, VALID, WRAPPED, is_valid_signature
from shared.chain.ethereum import address_of as account_of
from shared.chain.ethereum import checksum_address, sign
from shared.chain.node import ChainClient, NodeRefused
from shared.config import Settings
from shared.errors import Unavailable
from shared.resources import Resources
from tests.chain import LocalChain
from tests.contract_wallets import FACTORY, address_of, deploy, fixed_answer, owned_wallet, wrapped
from tests.solidity import creation_code

DIGEST = bytes(range(32))


@pytest.fixture(scope="module")
def chain(settings: Settings) -> LocalChain:
    """The stack's chain."""
    return LocalChain(settings.chain_urls[31337])


@pytest.fixture
def key() -> bytes:
    """The key of a wallet's owner; each test's wallet is another."""
    return secrets.token_bytes(32)


def test_a_deployed_wallet_answers_for_itself(chain: LocalChain, key: bytes) -> None:
    """The owner's signature is the wallet's; another digest's, another key's and a damaged one are not."""
    wallet = deploy(chain, owned_wallet(account_of(key)))
    assert is_valid_signature(chain.client, wallet, DIGEST, sign(DIGEST, key))
    assert not is_valid_signature(chain.client, wallet, DIGEST[::-1], sign(DIGEST, key))
    assert not is_valid_signature(chain.client, wallet, DIGEST, sign(DIGEST, secrets.token_bytes(32)))
    assert not is_valid_signature(chain.client, wallet, DIGEST, sign(DIGEST, key)[:-1])
    assert not is_valid_signature(chain.client, wallet, DIGEST, b"")


def test_an_undeployed_wallet_signs_with_what_deploys_it(chain: LocalChain, key: bytes) -> None:
    """Its signature is good before it is on the chain, and leaves no contract there."""
    code = owned_wallet(account_of(key))
    wallet = address_of(code)
    signature = wrapped(sign(DIGEST, key), code)
    assert is_valid_signature(chain.client, wallet, DIGEST, signature)
    assert chain.client.request("eth_getCode", wallet, "latest") == "0x"
    assert not is_valid_signature(chain.client, wallet, DIGEST, sign(DIGEST, key)), "nobody is there to ask"
    assert not is_valid_signature(chain.client, wallet, DIGEST[::-1], signature)
    assert not is_valid_signature(chain.client, wallet, DIGEST, wrapped(sign(DIGEST, secrets.token_bytes(32)), code))
    deploy(chain, code)
    assert is_valid_signature(chain.client, wallet, DIGEST, signature), (
        "a signature from before outlives the deployment"
    )
    assert is_valid_signature(chain.client, wallet, DIGEST, sign(DIGEST, key))


def test_nobody_speaks_for_another_address(chain: LocalChain, key: bytes) -> None:
    """What is deployed in the simulation is at an address of its own: not at an account's, nor at another wallet's."""
    mine = owned_wallet(account_of(key))
    signature = wrapped(sign(DIGEST, key), mine)
    victim = deploy(chain, owned_wallet(account_of(secrets.token_bytes(32))))
    for address in (account_of(secrets.token_bytes(32)), victim, address_of(mine, bytes(31) + b"\1"), FACTORY):
        assert not is_valid_signature(chain.client, address, DIGEST, signature), address


def test_a_signer_has_no_say_over_a_deployed_wallet(chain: LocalChain, key: bytes) -> None:
    """The deploying call is not made if there is a contract already: nothing precedes the check."""
    # It answers whatever it was last called with: a signer who could call it first would choose its answer.
    wallet = deploy(chain, creation_code("SettableAnswer"), secrets.token_bytes(32))
    assert chain.client.call(b"", wallet) == bytes(32)
    signature = encode(["address", "bytes", "bytes"], [wallet, VALID, b""]) + WRAPPED
    assert not is_valid_signature(chain.client, wallet, DIGEST, signature)
    chain.send(wallet, VALID)
    assert is_valid_signature(chain.client, wallet, DIGEST, signature), "it was the call before that was missing"


@pytest.mark.parametrize(
    "code",
    [
        creation_code("Reverting"),
        creation_code("Halting"),
        creation_code("Accepting"),
        creation_code("EndlessLoop"),
        fixed_answer(VALID[:4]),
        fixed_answer(VALID[:31]),
        fixed_answer(bytes(32)),
        fixed_answer(b"\xff" * 32),
        fixed_answer(VALID[:4] + b"\1".rjust(28, b"\0")),
        fixed_answer(b"\1".rjust(32, b"\0")),
        fixed_answer(VALID[:4].rjust(32, b"\0")),
    ],
    ids=[
        "reverts",
        "halts",
        "stops",
        "loops",
        "4 bytes",
        "31 bytes",
        "zeros",
        "ones",
        "dirty",
        "true",
        "right-aligned",
    ],
)
def test_other_answers_are_no(chain: LocalChain, code: bytes) -> None:
    """A contract that fails, runs out of gas, or answers anything but the one word has not signed, deployed or not."""
    assert not is_valid_signature(chain.client, address_of(code), DIGEST, wrapped(b"x" * 65, code))
    wallet = deploy(chain, code)
    assert not is_valid_signature(chain.client, wallet, DIGEST, b"x" * 65)
    assert not is_valid_signature(chain.client, wallet, DIGEST, wrapped(b"x" * 65, code))


def test_wrappings_without_a_factory_are_no(chain: LocalChain, key: bytes) -> None:
    """The suffix of ERC-6492 behind nothing, nonsense, or a factory that is none or deploys something else."""
    code = owned_wallet(account_of(key))
    wallet, signature = address_of(code), sign(DIGEST, key)
    nowhere = "0x" + "00" * 20
    for wrapping in (
        WRAPPED,
        WRAPPED * 2,
        signature + WRAPPED,
        bytes(96) + WRAPPED,
        b"\xff" * 96 + WRAPPED,
        encode(["address", "bytes"], [FACTORY, b""]) + WRAPPED,
        encode(["address", "bytes", "bytes"], [nowhere, b"", signature]) + WRAPPED,
        encode(["address", "bytes", "bytes"], [FACTORY, b"", signature]) + WRAPPED,
        wrapped(signature, code, factory=account_of(key)),
        wrapped(signature, fixed_answer(VALID)),
        wrapped(wrapped(signature, code), code),
    ):
        assert not is_valid_signature(chain.client, wallet, DIGEST, wrapping), wrapping.hex()


Talk = Callable[[socket.socket], None]


@contextmanager
def node(talk: Talk) -> Iterator[ChainClient]:
    """A node of the test's own making, and a client that allows it more time than a sign-in has."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                threading.Thread(target=quietly, args=(connection,), daemon=True).start()

        def quietly(connection: socket.socket) -> None:
            with connection:
                try:
                    connection.recv(65536)
                    talk(connection)
                except OSError:
                    return

        threading.Thread(target=serve, daemon=True).start()
        yield ChainClient(f"http://127.0.0.1:{listening.getsockname()[1]}", timeout_seconds=60)


def reply(body: bytes, status: bytes = b"200 OK") -> Talk:
    """A node with this response."""
    head = b"HTTP/1.1 %b\r\nContent-Length: %d\r\n\r\n" % (status, len(body))
    return lambda connection: connection.sendall(head + body)


def silence(connection: socket.socket) -> None:
    """A node that accepts the request, and never responds."""
    while connection.recv(65536):
        pass


def drip(before: bytes) -> Talk:
    """A node that goes on by a byte each tenth of a second, for ever."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(before)
        while True:
            connection.sendall(b" ")
            time.sleep(0.1)

    return talk


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(silence, id="silent", marks=pytest.mark.long),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"), id="body in drops"),
        pytest.param(drip(b"HTTP/1.1 200 OK\r\nX-Header:"), id="head in drops", marks=pytest.mark.long),
    ],
)
def test_a_node_that_hangs_lets_nobody_in(talk: Talk) -> None:
    """However slowly it answers, the end comes after about three seconds, and it is not a yes."""
    began = time.monotonic()
    with node(talk) as client, pytest.raises(Unavailable):
        is_valid_signature(client, account_of(secrets.token_bytes(32)), DIGEST, b"x" * 65)
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    "talk",
    [
        reply(b""),
        reply(b"{"),
        reply(b"[]"),
        reply(b"null"),
        reply(b"{}"),
        reply(b'{"result": null}'),
        reply(b'{"result": 5}'),
        reply(b'{"result": "0xzz"}'),
        reply(b'{"result": "%b"}' % VALID.hex().encode()),
        reply(b'{"error": {"code": -32005, "message": "rate limited"}}'),
        reply(b'{"error": {"code": -32000, "message": "header not found"}}'),
        reply(b'{"error": "no"}'),
        reply(b"Service Unavailable", b"503 Service Unavailable"),
        lambda connection: None,
    ],
)
def test_a_node_that_answers_nonsense_lets_nobody_in(talk: Talk) -> None:
    """What is no answer to the question is as if the node were down: neither a yes nor a no."""
    with node(talk) as client, pytest.raises(Unavailable):
        is_valid_signature(client, checksum_address("0x" + "12" * 20), DIGEST, b"x" * 65)


@pytest.mark.parametrize(
    "error",
    [
        b'{"code": 3, "message": "execution reverted", "data": "0x"}',
        b'{"code": -32000, "message": "execution reverted"}',
        b'{"code": -32000, "message": "invalid opcode: INVALID"}',
        b'{"code": -32000, "message": "out of gas: gas required exceeds: 50000000"}',
    ],
)
def test_a_failed_call_is_a_no(error: bytes) -> None:
    """Nodes name in many ways what is the contract's own doing: it is no fault of the node's."""
    with node(reply(b'{"jsonrpc": "2.0", "id": 1, "error": %b}' % error)) as client:
        assert not is_valid_signature(client, checksum_address("0x" + "12" * 20), DIGEST, b"x" * 65)


def test_nobody_listening_is_unavailable() -> None:
    """A node that is down is neither a yes nor a no."""
    with pytest.raises(Unavailable):
        is_valid_signature(ChainClient("http://127.0.0.1:1"), checksum_address("0x" + "12" * 20), DIGEST, b"x" * 65)


BURNING: Final = creation_code("EndlessHashing")
"""The code of a contract that hashes until its gas is used up."""


def test_a_question_costs_a_node_little(chain: LocalChain, key: bytes) -> None:
    """Whatever a stranger's code does, deployed or to be deployed, it ends soon, and is_valid_signature for nothing."""
    deployed = deploy(chain, BURNING, key)
    factory = deploy(chain, BURNING, key[::-1])
    for wallet, signature in (
        (deployed, b"x" * 65),
        (account_of(key), encode(["address", "bytes", "bytes"], [factory, b"x" * 3000, b""]) + WRAPPED),
    ):
        began = time.monotonic()
        assert not is_valid_signature(chain.client, wallet, DIGEST, signature)
        assert time.monotonic() - began < 1.5
        with pytest.raises(NodeRefused):
            chain.client.call(b"", deployed, gas=GAS)


def test_money_goes_on_while_strangers_ask(settings: Settings, chain: LocalChain, key: bytes) -> None:
    """However many signature checks burn all their gas, calls for money have a bulkhead of their own."""
    burner = deploy(chain, BURNING, key)
    parts = Resources(settings)
    strangers, money = parts.chain(31337, "contract wallets"), parts.chain(31337)
    stop, outcomes = threading.Event(), Counter[str]()

    def ask() -> None:
        while not stop.is_set():
            try:
                outcomes[str(is_valid_signature(strangers, burner, DIGEST, b"x" * 65))] += 1
            except Unavailable as error:
                outcomes[type(error).__name__] += 1

    with ThreadPoolExecutor(36) as pool:
        asking = [pool.submit(ask) for _ in range(36)]
        try:
            until = time.monotonic() + 30
            while money.head() and time.monotonic() < until and outcomes["Overloaded"] < 36:
                assert money.block() is not None
        finally:
            stop.set()
        for each in asking:
            each.result()
    assert outcomes["False"], "some were asked"
    assert outcomes["Overloaded"], "most were not"
    assert parts.breaker("chain", "31337").state == "closed"
    assert parts.breaker("chain", "31337").read().failures == 0
