"""Quotas: what a cell may sell, gives, and gets back."""

import random

import pytest

from shared.cells.asker import DRY_SECONDS, WAIT_SECONDS, Asker
from shared.cells.quota import Account, Ask, Closed, Grant, Reserved, Short

CELLS = ("us", "eu", "as")


def test_a_cell_sells_its_own_alone() -> None:
    account = Account("s", "eu", "us", available=2, rights={"early": 1})
    account = account.reserve(1, "early")
    with pytest.raises(Short):
        account.reserve(1, "early")  # a unit is left, and no right
    account = account.reserve(1, "")
    with pytest.raises(Short):
        account.reserve(1, "")
    account = account.commit(2)
    assert (account.available, account.sold, account.quota) == (0, 2, 2)
    account = account.take_back(1, "early")
    assert account.sellable("early") == 1


def test_who_never_had_rights_sells_nothing_in_a_capped_phase() -> None:
    assert Account("s", "eu", "us", available=2).sellable("early") == 0


def test_a_debt_of_rights_gives_no_units_away_and_is_not_passed_on() -> None:
    """A cap was lowered below what was sold: nothing sells in the phase, and no more is given than is there."""
    account = Account("s", "eu", "us", available=2, rights={"early": -5})
    assert account.sellable("early") == 0
    with pytest.raises(Short):
        account.reserve(1, "early")
    given = account.give(Ask(1, "s", "as", 9, "early", 9), waiting=0)
    assert given is not None
    assert given[1] == Grant("s", "eu", "as", 1, 2, {})
    _, grant = account.close()
    assert grant == Grant("s", "eu", "us", 1, 2, {})
    asker = Asker("s", "eu", ["us"])
    asker.wait("a", 1, "early", 0)
    assert [(ask.units, ask.rights) for _, ask in asker.asks(account, 0)] == [(0, 6)]
    assert account.credit(Grant("s", "us", "eu", 1, 0, {"early": 6})).sellable("early") == 1


def test_the_home_shares_equally_from_thirty_units_on() -> None:
    home, grants = Account("s", "us", "us").share(CELLS, 30, {"early": 7, "vip": 2})
    assert [(grant.receiver, grant.units, grant.rights) for grant in grants] == [
        ("eu", 10, {"early": 2}),
        ("as", 10, {"early": 2}),
    ]
    assert (home.available, home.rights) == (10, {"early": 3, "vip": 2})
    home, grants = Account("s", "us", "us").share(CELLS, 29, {})
    assert (home.available, grants) == (29, [])


def test_a_cell_gives_what_its_own_requests_do_not_wait_for() -> None:
    account = Account("s", "us", "us", available=3, rights={"early": 3})
    ask = Ask(1, "s", "eu", 3, "early", 3)
    given = account.give(ask, waiting=1)
    assert given is not None
    after, grant = given
    assert grant == Grant("s", "us", "eu", 1, 2, {"early": 2})
    assert (after.available, after.rights, after.given) == (1, {"early": 1}, {"eu": 1})
    assert after.give(ask, waiting=1) is None


def test_complements_are_not_swapped() -> None:
    """The home has a unit and no right, another cell a right and no unit, and both have a request."""
    home = Account("s", "us", "us", available=1, rights={"early": 0})
    other = Account("s", "eu", "us", rights={"early": 1})
    assert home.give(Ask(1, "s", "eu", 1, "early", 0), waiting=1) is None
    given = other.give(Ask(1, "s", "us", 0, "early", 1), waiting=1)
    assert given is not None
    assert home.credit(given[1]).sellable("early") == 1


def test_closing_returns_everything_to_the_home() -> None:
    account = Account("s", "eu", "us", available=2, rights={"early": 1}, sold=1)
    with pytest.raises(Reserved):
        account.reserve(1, "").close()
    closed, grant = account.close()
    assert grant == Grant("s", "eu", "us", 1, 2, {"early": 1})
    assert (closed.quota, closed.closed) == (1, True)
    with pytest.raises(Closed):
        closed.reserve(1, "")
    late = closed.credit(Grant("s", "as", "eu", 1, 1))  # under way when it closed
    assert late.give(Ask(1, "s", "as", 1), 0) is None
    _, grant = late.close()
    assert grant == Grant("s", "eu", "us", 2, 1, {})
    assert late.reopen().sellable("") == 1


def test_units_and_rights_are_conserved() -> None:
    """Three cells sell, cancel, ask and give at random; grants arrive late, each once."""
    for seed in range(50):
        rng = random.Random(seed)
        home, grants = Account("s", "us", "us").share(CELLS, 30, {"early": 10})
        accounts = {"us": home, "eu": Account("s", "eu", "us"), "as": Account("s", "as", "us")}
        early = 0
        for number in range(200):
            cell = rng.choice(CELLS)
            account = accounts[cell]
            phase = rng.choice(("", "early"))
            match rng.randrange(4):
                case 0 if account.sellable(phase):
                    accounts[cell] = account.reserve(1, phase).commit(1)
                    early += phase == "early"
                case 1 if account.sold and phase == "":
                    accounts[cell] = account.take_back(1, "")
                case 2:
                    units, rights = rng.randrange(4), rng.randrange(3)
                    given = account.give(Ask(number, "s", rng.choice(CELLS), units, phase, rights), rng.randrange(3))
                    if given is not None:
                        accounts[cell], grant = given
                        grants.append(grant)
                case 3 if grants:
                    grant = grants.pop(rng.randrange(len(grants)))
                    accounts[grant.receiver] = accounts[grant.receiver].credit(grant)
            assert all(each.available >= 0 and each.rights.get("early", 0) >= 0 for each in accounts.values())
            assert sum(each.quota for each in accounts.values()) + sum(grant.units for grant in grants) == 30
            rights = sum(each.rights.get("early", 0) for each in accounts.values())
            assert rights + sum(grant.rights.get("early", 0) for grant in grants) + early == 10


def test_asks_are_for_what_waits_one_at_a_time_and_not_of_the_dry() -> None:
    asker = Asker("s", "eu", ["us", "as"])
    account = Account("s", "eu", "us", available=1)
    assert asker.asks(account, 0) == []
    asker.wait("a", 2, "", 0)
    asker.wait("b", 1, "", 0)
    first = asker.asks(account, 0)
    assert [(peer, ask.units) for peer, ask in first] == [("us", 2), ("as", 2)]
    assert asker.asks(account, 0.1) == []
    asker.on_dry("us", first[0][1].id, 0.1)
    assert asker.asks(account, 0.2) == []
    assert asker.sold_out(0.2) == []
    asker.on_dry("as", first[1][1].id, 0.2)
    assert asker.sold_out(0.2) == ["a", "b"]  # at once: nobody has any
    asker.wait("c", 1, "", 0.5)
    assert asker.sold_out(0.5) == ["c"]
    asker.wait("d", 3, "", 0.1 + DRY_SECONDS)
    assert [peer for peer, _ in asker.asks(account, 0.1 + DRY_SECONDS)] == ["us"]
    asker.on_grant("us")
    assert [peer for peer, _ in asker.asks(account, 0.11 + DRY_SECONDS)] == ["us"]


def test_a_request_waits_so_long_and_no_longer() -> None:
    asker = Asker("s", "eu", ["us"])
    asker.wait("a", 1, "", 0)
    asker.wait("a", 1, "", 0.2)
    assert asker.sold_out(WAIT_SECONDS - 0.01) == []
    assert asker.requests() == ["a"]
    assert asker.sold_out(WAIT_SECONDS) == ["a"]
    asker.wait("b", 1, "", 1)
    asker.served("b")
    assert asker.requests() == []
