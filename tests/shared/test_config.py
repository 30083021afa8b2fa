"""The environment, read once and strictly."""

import dataclasses
from pathlib import Path

import pytest

from shared.config import read
from shared.registry import load

LEAST = {
    "MERIDIAN_ENVIRONMENT": "production",
    "MERIDIAN_REGION": "europe-west1",
    "GOOGLE_CLOUD_PROJECT": "shop",
    "PUBLIC_URL": "https://shop.example/",
    "SECRETS_DIR": "/secrets",
}


@pytest.mark.parametrize("name", sorted(LEAST))
def test_what_is_needed_is_not_guessed(name: str) -> None:
    """A variable without a default is asked for by its name."""
    with pytest.raises(KeyError, match=name):
        read({key: value for key, value in LEAST.items() if key != name})


def test_an_unknown_region_is_refused() -> None:
    """A process never serves a region that the registry does not have."""
    with pytest.raises(KeyError, match="mars-north1"):
        read({**LEAST, "MERIDIAN_REGION": "mars-north1"})


def test_the_cloud_gives_nothing_away() -> None:
    """Without being told, nobody is an operator, and merchants are made by operators; there is no faucet."""
    settings = read(LEAST)
    assert not settings.local
    assert not settings.self_service_merchants
    assert settings.operator_addresses == frozenset()


@pytest.mark.parametrize("text", ["True", "1", "yes", "TRUE", "", " true"])
def test_self_service_needs_the_exact_word(text: str) -> None:
    """Only `true` lets everyone sell."""
    assert not read({**LEAST, "SELF_SERVICE_MERCHANTS": text}).self_service_merchants
    assert read({**LEAST, "SELF_SERVICE_MERCHANTS": "true"}).self_service_merchants


def test_names_follow_the_region() -> None:
    """Home cell and databases are those of the region; the domain is the public one, without scheme or slash."""
    settings = read(LEAST)
    assert settings.cell == load().regions["europe-west1"].cell
    assert settings.database_name("order") == "order_europe_west1"
    assert settings.public_url == "https://shop.example"
    assert settings.domain == "shop.example"


def test_lists_are_read() -> None:
    """Addresses of hosts, chains and operators; operators in any case of their letters."""
    settings = read(
        {
            **LEAST,
            "RPC_ADDRESSES": "wallet=10.0.0.1:50051,order=order.internal:50051",
            "ALLOWED_CHAINS": "1,137",
            "OPERATOR_ADDRESSES": "0xABCDEF0000000000000000000000000000000001,0xabc",
        }
    )
    assert settings.rpc_addresses == {"wallet": "10.0.0.1:50051", "order": "order.internal:50051"}
    assert settings.allowed_chains == {1, 137}
    assert settings.operator_addresses == {"0xabcdef0000000000000000000000000000000001", "0xabc"}


def test_a_number_is_a_number() -> None:
    """A value that is none stops the process at its start, not a request."""
    with pytest.raises(ValueError, match="many"):
        read({**LEAST, "DATABASE_POOL": "many"})


def test_settings_do_not_change() -> None:
    """Nothing can alter them once they are read."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        read(LEAST).region = "asia-east1"  # type: ignore[misc]


def test_a_secret_is_a_file(tmp_path: Path) -> None:
    """It is read by its name, without the newline that editors add; a missing one says which."""
    (tmp_path / "push_token").write_bytes(b"abc\n")
    settings = read({**LEAST, "SECRETS_DIR": str(tmp_path)})
    assert settings.secret("push_token") == b"abc"
    with pytest.raises(FileNotFoundError, match="voucher_key"):
        settings.secret("voucher_key")


def test_who_redeems_is_one_of_two() -> None:
    """The buyer, unless it is said that the house does; another word is a mistake and no third way."""
    assert read(LEAST).claim_redemption == "self"
    assert read({**LEAST, "CLAIM_REDEMPTION": "relayer"}).claim_redemption == "relayer"
    with pytest.raises(ValueError, match="Relayer"):
        read({**LEAST, "CLAIM_REDEMPTION": "Relayer"})


TERMS = {"CHAIN_ASSETS": "ETH=0x0,USDC=0x1", "WITHDRAWAL_LEAST": "ETH=5,USDC=7", "WITHDRAWAL_FEE": "ETH=0,USDC=2"}


def test_withdrawals_have_terms() -> None:
    """Per currency; the local stack takes any amount for nothing where nothing is said."""
    settings = read({**LEAST, **TERMS})
    assert (settings.withdrawal_least, settings.withdrawal_fee) == ({"ETH": 5, "USDC": 7}, {"ETH": 0, "USDC": 2})
    local = {**LEAST, "MERIDIAN_ENVIRONMENT": "local", "CHAIN_ASSETS": TERMS["CHAIN_ASSETS"]}
    settings = read({**local, "WITHDRAWAL_LEAST": "USDC=7"})
    assert (settings.withdrawal_least, settings.withdrawal_fee) == ({"ETH": 1, "USDC": 7}, {"ETH": 0, "USDC": 0})


@pytest.mark.parametrize("name", ["WITHDRAWAL_LEAST", "WITHDRAWAL_FEE"])
@pytest.mark.parametrize("text", ["", "ETH=5", "ETH=5,USDC=-1", "ETH=5,USDC=1000000001", "ETH=5,USDC=1,MATIC=1", "x"])
def test_terms_have_bounds(name: str, text: str) -> None:
    """Every currency has them, no other one, and none is a slip of the decimals; a mistake is named."""
    with pytest.raises(ValueError, match=name):
        read({**LEAST, **TERMS, name: text})


def test_a_withdrawal_is_of_something() -> None:
    """Its least amount is not 0."""
    with pytest.raises(ValueError, match="WITHDRAWAL_LEAST"):
        read({**LEAST, **TERMS, "WITHDRAWAL_LEAST": "ETH=0,USDC=1"})
