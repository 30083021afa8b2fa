"""Allowlists are those of @openzeppelin/merkle-tree: its proofs are accepted, any others are not.

Its trees are committed (allowlists.json, made by allowlists.js), so that this needs no Node.
"""

import json
import random
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.supply.domain.allowlist import MAX_HEIGHT, Overrides, Proof, proves
from shared.chain.ethereum import checksum_address, keccak

ROOT = Path(__file__).parents[4]
MADE = ROOT / "tests" / "functions" / "supply" / "allowlists.json"
TREES: list[dict[str, Any]] = json.loads(MADE.read_text(encoding="utf-8"))

Case = tuple[str, str, Proof]
"""A root, an address of its list, and the proof of it."""


def case(root: str, leaf: dict[str, Any]) -> Case:
    address, *numbers = leaf["value"]
    overrides = Overrides(*map(int, numbers)) if numbers else None
    return root, address, Proof(tuple(bytes.fromhex(each[2:]) for each in leaf["proof"]), overrides)


CASES = [case(tree["root"], leaf) for tree in TREES for leaf in tree["leaves"]]


def accepted(root: str, address: str, proof: Proof) -> bool:
    return proves(proof, address, root, keccak)


def test_every_proof_that_the_library_makes_is_accepted() -> None:
    """Of trees of one leaf, of a few and of many; with and without overrides."""
    assert len(CASES) == 2 * (1 + 2 + 3 + 7 + 33)
    assert all(accepted(*each) for each in CASES)


def test_the_case_of_letters_does_not_matter() -> None:
    """An address in lower case, in upper case and with its checksum is one address; so is a root."""
    for root, address, proof in CASES:
        for written in (address.lower(), "0x" + address[2:].upper(), checksum_address(address)):
            assert accepted("0x" + root[2:].upper(), written, proof)


def mutated(chance: random.Random) -> Case:
    """Somebody's proof with one thing wrong."""
    root, address, proof = chance.choice([each for each in CASES if each[2].hashes])
    hashes = list(proof.hashes)
    n = chance.randrange(len(hashes))
    change = chance.randrange(9)
    if change == 0:
        hashes[n] = flipped(hashes[n], chance)
    elif change == 1:
        del hashes[n]
    elif change == 2:
        hashes.insert(n, chance.randbytes(32))
    elif change == 3:
        hashes.append(hashes[n])
    elif change == 4:
        address = "0x" + flipped(bytes.fromhex(address[2:]), chance).hex()
    elif change == 5:
        root = "0x" + flipped(bytes.fromhex(root[2:]), chance).hex()
    elif change == 6:
        root = chance.choice([other for other, *_ in CASES if other != root])
    elif change == 7:
        hashes[n] = chance.choice([hashes[n][:-1], hashes[n] + b"\x00", b""])
    else:
        given = proof.overrides
        # The list says nothing of numbers, or others.
        changed = replace(given, per_user_limit=given.per_user_limit + 1) if given else Overrides(0, 0)
        return root, address, replace(proof, overrides=chance.choice([changed, None]) if given else changed)
    return root, address, replace(proof, hashes=tuple(hashes))


def flipped(data: bytes, chance: random.Random) -> bytes:
    bit = chance.randrange(len(data) * 8)
    return (int.from_bytes(data) ^ (1 << bit)).to_bytes(len(data))


def test_a_thousand_mutated_proofs_are_refused() -> None:
    """A bit, a hash, the order, the address, the root, the limit or the price is another: no proof."""
    chance = random.Random(5)
    assert not [each for each in (mutated(chance) for _ in range(1000)) if accepted(*each)]


def test_a_node_is_no_leaf() -> None:
    """Who presents an inner node's children as if they were a leaf is refused: leaves are hashed twice."""
    for tree in TREES:
        for leaf in tree["leaves"]:
            root, address, proof = case(tree["root"], leaf)
            for length in range(1, len(proof.hashes)):
                assert not accepted(root, address, replace(proof, hashes=proof.hashes[length:]))
            assert not accepted(root, "0x" + root[2:42], Proof(()))


@pytest.mark.parametrize("address", ["", "0x", "0x12", "0x" + "g" * 40, "0x" + "1" * 42, "0x" + "é" * 40, " " * 42])
def test_what_is_no_address_is_on_no_list(address: str) -> None:
    """And is no error."""
    assert not accepted(CASES[0][0], address, CASES[0][2])


def test_a_proof_has_an_end() -> None:
    """One that is higher than any tree is not followed."""
    hashed = 0

    def counting(data: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return keccak(data)

    assert not proves(Proof((bytes(32),) * (MAX_HEIGHT + 1)), CASES[0][1], CASES[0][0], counting)
    assert hashed == 0


@given(hashes=st.lists(st.binary(max_size=40), max_size=70), limit=st.integers(0, 2**256 - 1))
def test_nothing_that_is_made_up_is_accepted(hashes: list[bytes], limit: int) -> None:
    """Nor is it ever an error."""
    root, address, _ = CASES[3]
    assert not accepted(root, address, Proof(tuple(hashes), Overrides(limit, 0)))


def test_the_lists_are_what_the_library_makes() -> None:
    """Where npm has installed it, it makes the same trees; without npm there is nothing to compare with."""
    if not (ROOT / "emulators" / "node_modules" / "@openzeppelin" / "merkle-tree").exists():
        assert shutil.which("npm") is None, "npm is there and the library is not: run make packages"
        return
    script = str(MADE.with_suffix(".js"))
    made = subprocess.run(["node", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert json.loads(made.stdout) == TREES
