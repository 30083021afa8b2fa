"""Amounts: integers of atomic units with exactly one text form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.encode import to_json
from shared.money import DECIMALS, MAXIMUM, Amount, SignedAmount, fee, format_amount

amounts = st.integers(0, MAXIMUM)


@given(amounts)
def test_an_amount_survives_json(amount: int) -> None:
    """What is written as must be read as the same amount, as a string."""
    written = to_json({"amount": Amount(amount)})
    assert written == b'{"amount":"%d"}' % amount
    assert Amount.parse(str(amount)) == amount


def test_the_greatest_amount() -> None:
    """It is the greatest uint256."""
    assert Amount.parse("115792089237316195423570985008687907853269984665640564039457584007913129639935") == MAXIMUM


NO_AMOUNTS = [
    "",
    "+1",
    "-1",
    "-0",
    " 1",
    "1 ",
    "1\n",
    "\t1",
    "1e3",
    "1E3",
    "1.0",
    "1.",
    ".5",
    "1,000",
    "1_000",
    "00",
    "01",
    "007",
    "0x10",
    "１",  # full-width
    "١",  # Arabic-Indic
    "²",
    "1\u0661",
    "½",
    "NaN",
    "Infinity",
    "null",
    "\x00",
    "1\x00",
    str(2**256),
    str(2**256 + 1),
    "9" * 78,
    "1" + "0" * 78,
    "9" * 10_000,
    1,
    0,
    1.0,
    True,
    None,
    b"1",
    ["1"],
    {"amount": "1"},
]


def test_every_other_form_is_refused(subtests: pytest.Subtests) -> None:
    """A number, a sign, a space, an exponent, a fraction, other digits, leading zeros, 2^256."""
    for bad in NO_AMOUNTS:
        with subtests.test(bad=bad), pytest.raises(ValueError, match="must be"):
            Amount.parse(bad)


@given(st.text())
def test_text_is_read_as_the_contract_says(text: str) -> None:
    """Of arbitrary text only what the contract's pattern and bound allow is an amount."""
    try:
        amount = Amount.parse(text)
    except ValueError:
        return
    assert str(amount) == text
    assert text.isascii()


@given(st.integers(-MAXIMUM, MAXIMUM))
def test_a_signed_amount_is_a_string_in_json(amount: int) -> None:
    """Entries show which way money went."""
    assert to_json([SignedAmount(amount)]) == b'["%d"]' % amount


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (0, "USDC", "0 USDC"),
        (1, "USDC", "0.000001 USDC"),
        (1_500_000, "USDC", "1.5 USDC"),
        (100_000_000, "USDC", "100 USDC"),
        (1, "ETH", "0.000000000000000001 ETH"),
        (10**18, "ETH", "1 ETH"),
        (MAXIMUM, "MATIC", f"{MAXIMUM // 10**18}.{MAXIMUM % 10**18} MATIC"),
    ],
)
def test_an_amount_as_people_write_it(amount: int, currency: str, text: str) -> None:
    """No digit is lost, no zero is added."""
    assert format_amount(amount, currency) == text


@given(amounts, st.sampled_from(sorted(DECIMALS)))
def test_what_is_shown_is_exact(amount: int, currency: str) -> None:
    """The atomic units can be read back from what people see."""
    whole, _, fraction = format_amount(amount, currency).removesuffix(f" {currency}").partition(".")
    assert int(whole + fraction.ljust(DECIMALS[currency], "0")) == amount


@pytest.mark.parametrize(("amount", "bps", "due"), [(10_000, 250, 250), (39, 250, 0), (40, 250, 1), (1, 10_000, 1)])
def test_the_fee_is_rounded_down(amount: int, bps: int, due: int) -> None:
    """The platform takes no atomic unit that it is not due."""
    assert fee(amount, bps) == due


@given(amounts, st.integers(0, 10_000))
def test_the_fee_is_a_part(amount: int, bps: int) -> None:
    """It is never more than its share, nor less by a whole unit; and it is exact beyond what a float can hold."""
    due = fee(amount, bps)
    assert 0 <= due <= amount
    assert due * 10_000 <= amount * bps < (due + 1) * 10_000
