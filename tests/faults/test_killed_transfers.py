"""Transfers while processes are killed."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from emulators.demo import sale
from emulators.demo.api_user import ApiUser, fresh_key
from emulators.demo.report import audit, violations_of
from emulators.demo.runner import resources_of
from emulators.stack.stack import Stack
from tests.database_probe import DatabaseProbe
from tests.faults.test_killed_sale import REGION, killing

SENDERS = 16
EACH = 12
FUNDS = 1000
TO_KILL = ["postgres", f"functions-{REGION}"]


def send(people: list[ApiUser], number: int) -> list[str]:
    """A user sends small amounts to others with retries; returns the acknowledged transfers."""
    payer = people[number]
    acknowledged = []
    for _ in range(EACH):
        payee = random.choice([person for person in people if person is not payer])
        body = {
            "from_wallet_id": payer.wallet_id,
            "to_wallet_id": payee.wallet_id,
            "currency": "USDC",
            "amount": str(random.randint(1, 9)),
        }
        answer = payer.send_with_retries("POST", "/v1/transfers", body, key=fresh_key())
        assert answer.status_code == 201, answer.text
        acknowledged.append(answer.json()["id"])
    return acknowledged


@pytest.mark.long
def test_every_acknowledged_transfer_is_there_once(fragile: Stack) -> None:
    """Sixteen senders, PostgreSQL and the functions host killed in turn: no transfer is lost, doubled or made up."""
    with sale.connections(fragile.edge_url, SENDERS) as client:
        people = [ApiUser(client).sign_in_with_retries() for _ in range(SENDERS)]
        for person in people:
            body = {"wallet_id": person.wallet_id, "currency": "USDC", "amount": str(FUNDS)}
            person.post("/v1/local/faucet", body)
        with killing(fragile, TO_KILL, every_seconds=2) as killed, ThreadPoolExecutor(SENDERS) as pool:
            acknowledged = [n for sent in pool.map(lambda k: send(people, k), range(SENDERS)) for n in sent]
        balances = sum(person.balance("USDC") for person in people)
    assert killed
    resources = resources_of(fragile)
    wallets = [person.wallet_id for person in people]
    sql = "SELECT transfer_id FROM entries WHERE account = ANY(:wallets::text[]) AND amount < 0"
    posted = Counter(row["transfer_id"] for row in DatabaseProbe(resources).rows("wallet", sql, wallets=wallets))
    assert posted == Counter(acknowledged)
    assert balances == SENDERS * FUNDS
    assert violations_of(audit(resources)) == []
