"""An hour of the local chain takes no more memory and disk than its limits say, and readers notice nothing of it."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from emulators.stack import binaries, secrets, sites
from emulators.stack.environment import ROOT, Layout, base
from emulators.stack.parts import chain
from emulators.stack.parts.contracts import CHAIN_ID, USDC, VAULT
from emulators.stack.ports import HOST, Ports
from emulators.stack.stack import REGIONS
from emulators.waiting import until
from functions.wallet.adapters.vault import FUNDED
from shared.chain.abi import encoded
from shared.chain.chain_blocks import ChainBlocks
from shared.chain.core.block_scanner import scan_next
from shared.chain.core.values import BlockRef
from shared.chain.node import ChainClient
from shared.chain.node_json import Log
from shared.chain.verified_logs import VerifiedLogs
from shared.errors import Unavailable
from shared.registry import load

pytestmark = pytest.mark.long

ROUNDS = 90
BLOCKS, MINTS = 40, 20
"""In each round: 3,600 blocks in all, as an hour has of which each is a second, and the transactions of a sale."""

SAVED, USED, KEPT = 6 << 20, 192 << 20, 512
"""Limits that an hour passes several times, as days pass those of the stack."""

BASE = 64 << 20
"""How much further a node may get until it has been looked at."""


@dataclass
class Kept:
    """Keeps the chain's program running, as supervisord does, and notes how large it was."""

    command: Sequence[str]
    state: Path
    starts: int = 0
    used: list[int] = field(default_factory=list)
    saved: list[int] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        """Until `stop` is set."""
        while not stop.is_set():
            self.starts += 1
            node = psutil.Popen(self.command, cwd=ROOT, env=base(self.state.parent))
            while node.poll() is None and not stop.wait(0.2):
                self.note(node)
            if node.poll() is None:
                node.terminate()
                node.wait(20)

    def note(self, node: psutil.Popen) -> None:
        """Its size now, if it is the node already, and still."""
        with suppress(psutil.NoSuchProcess):
            if node.name() == "anvil":
                self.used.append(node.memory_info().rss)
                self.saved.append(self.state.stat().st_size if self.state.exists() else 0)


@dataclass
class Reader:
    """Reads the vault's events by the scanner of deposits, from a cursor in memory."""

    client: ChainClient
    at: BlockRef | None = None
    found: dict[tuple[str, int], Log] = field(default_factory=dict)

    @contextmanager
    def transaction(self) -> Iterator["Reader"]:
        yield self

    def reached(self) -> BlockRef | None:
        return self.at

    def checkpoints(self) -> Sequence[BlockRef]:
        return []

    def advance(self, since: BlockRef, reached: BlockRef) -> None:
        self.at = reached

    def rewind(self, since: BlockRef, standing: BlockRef) -> None:
        raise AssertionError(f"the chain was reorganised from {since} to {standing}")

    def read(self) -> None:
        """Everything that is confirmed."""
        blocks = ChainBlocks(self.client, CHAIN_ID, 1, confirmations=2)
        logs = VerifiedLogs(self.client, VAULT, [FUNDED])
        while scanned := scan_next(blocks, self, lambda work: work, logs.read):
            self.found |= {(each.transaction_hash, each.index): each for each in scanned.found}
            self.at = scanned.reached


@dataclass
class Sender:
    """One of the node's accounts. Its transactions are sent until they are mined, each once."""

    client: ChainClient
    address: str
    nonce: int = 0

    def send(self, to: str, data: bytes, value: int = 0) -> None:
        call = {
            "from": self.address,
            "to": to,
            "data": "0x" + data.hex(),
            "value": hex(value),
            "nonce": hex(self.nonce),
        }

        def mined() -> bool:
            try:
                if self.client.next_nonce(self.address) > self.nonce:
                    return True
                self.client.request("eth_sendTransaction", call)
            except Unavailable:
                pass  # it begins again, or has it already
            return False

        until(mined, bool, 60)
        self.nonce += 1


@pytest.fixture
def layout(tmp_path: Path) -> Iterator[Layout]:
    """A stack's folder, with the port of a chain alone."""
    ports = Ports([chain.NAME], free=True)
    made = Layout(tmp_path, ports.chosen, sites.of_regions(load().cells, REGIONS), {})
    secrets.ensure(made.secrets, [])
    yield made
    ports.release()


def test_an_hour_of_the_chain_is_bounded(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """It begins again several times: no block is lost or changed, all events are read once, and the vault's stay."""
    limits = {"SAVED_AT_MOST": SAVED, "USED_AT_MOST": USED, "KEPT_BLOCKS": KEPT, "REST_SECONDS": 1.0}
    for name, value in limits.items():
        monkeypatch.setattr(chain, name, value)
    anvil = binaries.find().anvil
    assert anvil is not None
    program = chain.program(anvil, layout)
    kept, stop = Kept(program.command, layout.state / "chain.json"), threading.Event()
    keeping = threading.Thread(target=kept.run, args=(stop,))
    keeping.start()
    try:
        until(program.ready, bool, 60)
        chain.deploy(layout)
        client = ChainClient(f"http://{HOST}:{layout.ports[chain.NAME]}")
        play(client, kept)
    finally:
        stop.set()
        keeping.join(30)


def play(client: ChainClient, kept: Kept) -> None:
    """An hour of it."""
    accounts = client.request("eth_accounts")
    funder, minter = Sender(client, accounts[1]), Sender(client, accounts[2])
    reader, seen, latest = Reader(client), dict[int, str](), 0
    for number in range(1, ROUNDS + 1):
        funder.send(VAULT, encoded("fund()"), value=number)
        for _ in range(MINTS):
            minter.send(USDC, encoded("mint(address,uint256)", minter.address, 1))
        until(lambda: answered(client, "anvil_mine", hex(BLOCKS)), bool, 60)
        until(lambda: answered_reader(reader), bool, 60)
        head = client.block()
        assert head is not None
        assert head.number >= latest
        latest, seen[head.number] = head.number, head.hash
    assert latest >= ROUNDS * (BLOCKS + MINTS)
    recent = {number: hash_ for number, hash_ in seen.items() if number > latest - KEPT}
    assert {number: getattr(client.block(number), "hash", None) for number in recent} == recent
    funded = [int.from_bytes(each.data) for each in sorted(reader.found.values(), key=lambda each: each.block_number)]
    assert [amount for amount in funded if amount <= ROUNDS] == list(range(1, ROUNDS + 1))
    whole = client.logs(VAULT, [FUNDED], 0, latest)
    assert [each.transaction_hash for each in whole if int.from_bytes(each.data) <= ROUNDS] == [
        each.transaction_hash for each in reader.found.values() if int.from_bytes(each.data) <= ROUNDS
    ], "what is added up from the beginning is there"
    print(f"{kept.starts} starts; {max(kept.used) >> 20} MB of memory, {max(kept.saved) >> 20} MB of disk at most")
    assert kept.starts >= 3
    assert max(kept.used) < USED + BASE
    assert max(kept.saved) < SAVED + BASE


def answered(client: ChainClient, method: str, *parameters: object) -> bool:
    """Whether the node has done something; it may begin again just now."""
    try:
        client.request(method, *parameters)
    except Unavailable:
        return False
    return True


def answered_reader(reader: Reader) -> bool:
    """Whether all was read."""
    try:
        reader.read()
    except Unavailable:
        return False
    return True
