"""Pushes and schedule invocations are authenticated, and only well-formed events are accepted."""

import base64
import json
import secrets
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import flask
import msgspec
import pytest
from google.cloud.pubsub_v1 import PublisherClient, SubscriberClient
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from emulators.waiting import until
from shared.bus.batches import CONTENT_TYPE, pack
from shared.bus.pubsub import PubSubDeadTopics
from shared.bus.topics import dead_topic, topic_name
from shared.config import Settings
from shared.contracts.events import Event, StoredEvent
from shared.errors import Malformed, Unauthenticated, Unavailable
from shared.outbox.inbox import ASIDE_AFTER, RETRY_FIRST
from shared.postgres.database import Database, Transaction
from shared.registry import load
from shared.resources import Resources
from shared.runtime import event as serving
from shared.runtime import receiver as receiving
from shared.runtime.event import EventOperation, parse_push
from shared.runtime.internal import authorise_internal
from shared.runtime.receiver import DeliveredMessage, MessageReceiver, decode_message
from tests.clocks import FakeClock
from tests.shared.outbox.consumers import Consumer, nobody
from tests.shared.outbox.sample_events import FOREIGN, TYPE, event, stream, to_row


def push(attributes: dict[str, Any], data: Any) -> bytes:
    """The body of a push request."""
    return json.dumps({"message": {"attributes": attributes, "data": data}, "subscription": "s"}).encode()


ROW = load().rows["record_claim"]
"""A row that consumes claim-events, as the facts of these tests are."""

SENT = event(stream(), 3, request_id="request-1", traceparent="")


def decoded(body: bytes) -> StoredEvent:
    """The one event of a push."""
    (delivered,) = parse_push(body)
    return decode_message(delivered, ROW)


def test_an_event_is_read_out_of_a_push() -> None:
    """As it was published, whatever else Pub/Sub puts around it."""
    assert decoded(push(SENT.attributes(), base64.b64encode(SENT.body()).decode())) == SENT


def test_an_event_says_what_it_follows() -> None:
    """The version that the row itself handled before, whatever it says to others."""
    body = base64.b64encode(SENT.body()).decode()
    priors = {"to-record_claim": "1", "to-capture_hold": "0"}
    assert decoded(push({**SENT.attributes(), **priors}, body)).follows == 1
    assert decoded(push(SENT.attributes(), body)).follows == SENT.version - 1


NO_PUSHES = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"\xff",
    b'{"message": null}',
    b'{"message": []}',
    b'{"message": {}}',
    b'{"message": {"attributes": []}}',
    push({}, ""),
    push(SENT.attributes(), "not base64!"),
    push(SENT.attributes(), "äöü="),
    push(SENT.attributes(), "e30"),
    push(SENT.attributes(), base64.b64encode(b"[]").decode()),
    push(SENT.attributes(), base64.b64encode(b"\xff").decode()),
    push(SENT.attributes(), None),
    push({**SENT.attributes(), "ce-streamversion": 3}, "e30="),
    push({**SENT.attributes(), "ce-streamversion": str(2**63)}, "e30="),
    push({**SENT.attributes(), "ce-specversion": "0.3"}, "e30="),
    push({**SENT.attributes(), "ce-dataschema": f"/claim/{TYPE}/v2"}, "e30="),
    push({**SENT.attributes(), "ce-source": "/order", "ce-dataschema": f"/order/{TYPE}/v1"}, "e30="),
    push({**SENT.attributes(), "ce-subject": "clm\x00"}, "e30="),
    push({**SENT.attributes(), "to-record_claim": "3"}, "e30="),
    push({**SENT.attributes(), "to-record_claim": "-1"}, "e30="),
    push({**SENT.attributes(), "to-record_claim": "none"}, "e30="),
    push(SENT.attributes(), base64.b64encode(b'{"text": "\\u0000"}').decode()),
]


def test_what_is_no_push_is_malformed(subtests: pytest.Subtests) -> None:
    """It is refused with a reason, and nothing worse."""
    for body in NO_PUSHES:
        with subtests.test(body=body), pytest.raises(Malformed):
            decoded(body)


@given(st.binary())
def test_arbitrary_bytes_are_malformed(body: bytes) -> None:
    """No bytes are taken for an event, or bring the consumer down."""
    with pytest.raises(Malformed):
        decoded(body)


def test_only_who_knows_the_secret_is_let_in(settings: Settings) -> None:
    """Nothing, a part, another case or something more is refused."""
    secret = settings.secret("push_token").decode()
    authorise_internal(secret, settings)
    for presented in ("", secret[:-1], secret + "0", secret.upper(), f" {secret}", "ключ", "\x00", "x" * 10_000):
        with pytest.raises(Unauthenticated):
            authorise_internal(presented, settings)


# What a consumer does with what it cannot decode


class Pushed:
    """An event function, as Pub/Sub's emulator calls it."""

    def __init__(self, consumer: Consumer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(receiving, "inbox", lambda *_: consumer.inbox)
        bound: Any = SimpleNamespace(row=ROW)
        self._operation = EventOperation(bound, settings, FakeClock())
        self._token = settings.secret("push_token").decode()
        self._app = flask.Flask("pushed")

    def __call__(self, body: bytes, token: str | None = None) -> flask.Response:
        query = {"token": self._token if token is None else token}
        with self._app.test_request_context("/", method="POST", data=body, query_string=query):
            return self._operation(flask.request)

    def received(self, body: bytes) -> Any:
        """What became of a message that is acknowledged."""
        response = self(body)
        assert response.status_code == 200, response.get_data()
        (received,) = json.loads(response.get_data())["received"]
        return received


@pytest.fixture
def consumer(database: Database, clock: FakeClock) -> Consumer:
    """A consumer that no other test has."""
    return Consumer(database, clock)


@pytest.fixture
def own_project(settings: Settings, resources: Resources) -> Settings:
    """A project of the emulator's that nobody else uses."""
    return replace(settings, project=f"test-{secrets.token_hex(6)}")


@pytest.fixture
def dead_messages(own_project: Settings) -> Callable[[], list[Any]]:
    """Pulls what came to the dead topic of claim-events."""
    publisher, subscriber = PublisherClient(), SubscriberClient()
    topic = publisher.topic_path(own_project.project, topic_name(dead_topic("claim-events"), own_project.cell))
    subscription = subscriber.subscription_path(own_project.project, "dead")
    publisher.create_topic(name=topic, timeout=5)
    subscriber.create_subscription(request={"name": subscription, "topic": topic}, timeout=5)

    def pull() -> list[Any]:
        pulled = subscriber.pull(subscription=subscription, max_messages=10, timeout=10)
        subscriber.acknowledge(
            subscription=subscription, ack_ids=[each.ack_id for each in pulled.received_messages], timeout=5
        )
        return [each.message for each in pulled.received_messages]

    return pull


def encoded(sent: StoredEvent, **changed: str) -> bytes:
    """The push of an event, some attributes changed."""
    return push({**sent.attributes(), **changed}, base64.b64encode(sent.body()).decode())


def test_what_cannot_be_decoded_is_kept_and_acknowledged(
    consumer: Consumer, own_project: Settings, dead_messages: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the dead topic, whole, with its attributes, who could not read it, and why."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    sent = event(stream(), 1)
    for body, data, source in (
        (b"nonsense", b"nonsense", None),
        (push(sent.attributes(), base64.b64encode(b"{").decode()), b"{", "/claim"),
        (encoded(sent, **{"ce-specversion": "2.0", "topic": "a name that publish() uses"}), sent.body(), "/claim"),
        (encoded(sent, **{"ce-source": "/order"}), sent.body(), "/order"),
    ):
        assert pushed.received(body) == "dead"
        (message,) = dead_messages()
        assert message.data == data
        assert message.attributes.get("original-ce-source") == source
        assert message.attributes["dead-consumer"] == ROW.name
        assert message.attributes["dead-reason"]
    assert consumer.effects() == 0


def test_a_corrupt_event_is_read_from_its_source(
    consumer: Consumer, own_project: Settings, dead_messages: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Truncated or malformed data in an envelope that identifies the event."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    for data in (b"{", b'{"claim_id": 5}'):
        sent = event(stream(), 1)
        assert pushed.received(push(sent.attributes(), base64.b64encode(data).decode())) == "dead"
        assert dead_messages()[0].data == data
        assert consumer.parked(sent.stream) == [(1, "unread")]
        assert pushed.received(encoded(sent)) == "applied"


def test_nothing_is_acknowledged_that_is_not_kept(
    consumer: Consumer, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no dead topic in this project: the message comes again, and again."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    for _ in range(2):
        assert pushed(b"nonsense").status_code == 503
    with pytest.raises(Unavailable):
        PubSubDeadTopics(own_project).publish("claim-events", b"", {}, "nobody", "no reason")


def test_a_type_that_is_not_handled_is_acknowledged(
    consumer: Consumer, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one of its topics', whatever its data, or one that a newer producer knows; and nothing waits for it."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    name = stream()
    new = {"ce-type": "claim.framed", "ce-dataschema": "/claim/claim.framed/v1"}
    assert pushed.received(encoded(event(name, 1), **new)) == "foreign"
    assert pushed.received(push(event(name, 2, FOREIGN).attributes(), base64.b64encode(b"{").decode())) == "foreign"
    assert pushed.received(encoded(event(name, 3), **{f"to-{ROW.name}": "0"})) == "applied"
    assert consumer.versions(name) == [3]


def test_who_does_not_know_the_secret_changes_nothing(
    consumer: Consumer, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A forged event, and forged nonsense, are refused before they are looked at."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    for body in (encoded(event(stream(), 1)), b"nonsense"):
        for token in ("", "guessed"):
            assert pushed(body, token).status_code == 401
    assert consumer.effects() == 0


def test_a_failure_is_delivered_again_until_it_is_parked(
    consumer: Consumer, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pub/Sub backs off at every answer that is no success."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    sent = event(stream(), 1)
    consumer.failing, consumer.failure = {1}, lambda: KeyError("a defect")
    assert [pushed(encoded(sent)).status_code for _ in range(10)] == [500] * 9 + [200]
    assert consumer.parked(sent.stream) == [(1, "failed")]
    other = event(stream(), 1)
    consumer.failure = lambda: Unavailable("not now")
    assert [pushed(encoded(other)).status_code for _ in range(12)] == [503] * 12


# Many at once


class Held(Consumer):
    """A consumer whose effects wait until they are let go."""

    def __init__(self, database: Database, clock: FakeClock) -> None:
        super().__init__(database, clock)
        self.begun, self.go = 0, threading.Event()

    def _handle(self, event: Event[Any], transaction: Transaction) -> None:
        self.begun += 1
        assert self.go.wait(10)
        super()._handle(event, transaction)

    def transactions(self) -> list[int]:
        """How many effects each transaction committed."""
        sql = "select count(*) as n from effects where consumer = :consumer group by xmin order by n"
        with self._database.transaction() as transaction:
            return [row["n"] for row in transaction.run(sql, {"consumer": self.name})]


@pytest.fixture
def held(database: Database, clock: FakeClock) -> Held:
    """A consumer that no other test has."""
    return Held(database, clock)


def at_once(pushed: Pushed, held: Held, sent: Sequence[bytes]) -> list[flask.Response]:
    """Push messages while the one before them is held up, and let all of them go."""
    with ThreadPoolExecutor(1 + len(sent)) as pool:
        first = pool.submit(pushed, encoded(event(stream(), 1)))
        until(lambda: held.begun, bool)
        others = [pool.submit(pushed, body) for body in sent]
        until(lambda: len(pushed._operation._pushes._waiting), lambda waiting: waiting == len(sent))
        held.go.set()
        assert first.result(10).status_code == 200
        return [each.result(10) for each in others]


def test_pushes_that_wait_share_a_transaction(
    held: Held, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each hears what became of its own event, in the trace of that event."""
    pushed, again = Pushed(held, own_project, monkeypatch), event(stream(), 1)
    fresh = [event(stream(), 1, request_id=f"request-{number}") for number in range(4)]
    sent = [*fresh, again, again, event(stream(), 1, FOREIGN)]
    responses = at_once(pushed, held, [encoded(each) for each in sent])
    received = [json.loads(each.get_data())["received"][0] for each in responses]
    assert received[:4] == ["applied"] * 4
    assert sorted(received[4:6]) == ["applied", "known"]
    assert received[6] == "foreign"
    assert held.transactions() == [1, 5]
    assert [each.headers["X-Request-Id"] for each in responses[:4]] == [f"request-{number}" for number in range(4)]


def test_a_bad_push_among_many_touches_no_other(
    held: Held,
    own_project: Settings,
    dead_messages: Callable[[], list[Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One whose effect fails is delivered again, one that cannot be decoded is dead, and the others are applied."""
    pushed = Pushed(held, own_project, monkeypatch)
    good, failing = [event(stream(), 1) for _ in range(3)], event(stream(), 2)
    held.failing, held.failure = {2}, lambda: KeyError("a defect")
    first = encoded(failing, **{f"to-{ROW.name}": "0"})
    responses = at_once(pushed, held, [*(encoded(each) for each in good), first, b"nonsense"])
    assert [each.status_code for each in responses] == [200, 200, 200, 500, 200]
    assert json.loads(responses[4].get_data())["received"] == ["dead"]
    assert [held.applied(each.stream) for each in (*good, failing)] == [[1], [1], [1], []]
    assert len(dead_messages()) == 1


# Several events in one push


def batch(*events: StoredEvent, besides: Sequence[bytes] = ()) -> bytes:
    """A push of events as one message. besides: what else is in it, as JSON, behind the first of them."""
    first, *others = [pack([each], ROW.name)[1:-1] for each in to_row(*events)]
    data = b"[" + b",".join([first, *besides, *others]) + b"]"
    return push({"content-type": CONTENT_TYPE, "partition": "1"}, base64.b64encode(data).decode())


def outcomes(response: flask.Response) -> list[str]:
    """What became of the events of a push that is acknowledged."""
    assert response.status_code == 200, response.get_data()
    received: list[str] = json.loads(response.get_data())["received"]
    return received


def test_the_events_of_a_push_share_a_transaction(
    held: Held, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of many streams, and several of one; delivered again all are known."""
    held.go.set()
    pushed, name = Pushed(held, own_project, monkeypatch), stream()
    sent = [event(name, 1), event(stream(), 1), event(name, 2), event(stream(), 1, FOREIGN)]
    assert outcomes(pushed(batch(*sent))) == ["applied", "applied", "applied", "foreign"]
    assert held.transactions() == [3]
    assert held.applied(name) == [1, 2]
    assert outcomes(pushed(batch(*sent))) == ["known", "known", "known", "foreign"]
    assert held.effects() == 3


def test_one_bad_event_of_a_push_touches_no_other(
    consumer: Consumer, own_project: Settings, dead_messages: Callable[[], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is none is dead, and acknowledged with the others."""
    pushed = Pushed(consumer, own_project, monkeypatch)
    good = [event(stream(), 1) for _ in range(3)]
    assert outcomes(pushed(batch(*good, besides=[b'{"id": "evt"}']))) == ["applied", "dead", "applied", "applied"]
    (dead,) = dead_messages()
    assert dead.data == b'{"id": "evt"}'
    corrupt = msgspec.structs.replace(event(stream(), 1), data={"claim_id": 5})
    assert outcomes(pushed(batch(event(stream(), 1), corrupt))) == ["applied", "dead"]
    assert consumer.parked(corrupt.stream) == [(1, "unread")]


def test_a_failing_event_has_its_push_delivered_again_until_it_is_parked(
    consumer: Consumer, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All others are applied at the first attempt, but for what comes after it in its stream."""
    pushed, failing = Pushed(consumer, own_project, monkeypatch), stream()
    others = [event(stream(), 1) for _ in range(3)]
    consumer.failing, consumer.failure = {2}, lambda: KeyError("a defect")
    sent = batch(others[0], *(event(failing, version) for version in (1, 2, 3)), *others[1:])
    assert pushed(sent).status_code == 500
    assert [consumer.applied(each.stream) for each in others] == [[1], [1], [1]]
    assert consumer.applied(failing) == [1]
    assert consumer.parked(failing) == []
    assert [pushed(sent).status_code for _ in range(8)] == [500] * 8
    assert outcomes(pushed(sent)) == ["known", "known", "parked", "parked", "known", "known"]
    assert consumer.parked(failing) == [(2, "failed"), (3, "gap")]


def test_what_lacks_something_is_set_aside_after_a_while(
    consumer: Consumer, own_project: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where others of its push are received: these are acknowledged, and it is retried apart until it succeeds."""
    pushed, failing = Pushed(consumer, own_project, monkeypatch), stream()
    others = [event(stream(), 1) for _ in range(2)]
    consumer.failing = {2}
    sent = batch(others[0], *(event(failing, version) for version in (1, 2, 3)), others[1])
    assert pushed(sent).status_code == 503
    assert [consumer.applied(each.stream) for each in others] == [[1], [1]]
    clock.pass_by(seconds=ASIDE_AFTER.total_seconds() - 1)
    assert pushed(sent).status_code == 503
    assert consumer.parked(failing) == []
    clock.pass_by(seconds=1)
    assert outcomes(pushed(sent)) == ["known", "known", "parked", "parked", "known"]
    assert consumer.parked(failing) == [(2, "unavailable"), (3, "gap")]
    consumer.failing = set()
    clock.pass_by(seconds=RETRY_FIRST.total_seconds())
    consumer.inbox.fill_gaps(nobody)
    assert consumer.applied(failing) == [1, 2, 3]


def test_a_defect_is_set_aside_too_and_its_attempts_go_on(
    consumer: Consumer, own_project: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the worker, up to as many as its row says; then it waits for a person."""
    pushed, failing = Pushed(consumer, own_project, monkeypatch), stream()
    consumer.failing, consumer.failure = {2}, lambda: KeyError("a defect")
    sent = batch(event(failing, 1), event(failing, 2))
    assert pushed(sent).status_code == 500
    clock.pass_by(seconds=ASIDE_AFTER.total_seconds())
    assert outcomes(pushed(sent)) == ["known", "parked"]
    for left in range(consumer.row.attempts - 2, 0, -1):
        assert consumer.parked(failing) == [(2, "unavailable")], left
        clock.pass_by(hours=1)
        consumer.inbox.fill_gaps(nobody)
    assert consumer.parked(failing) == [(2, "failed")]


def test_where_all_lack_something_none_is_set_aside(
    consumer: Consumer, own_project: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that is down for a while parks nothing: pushes come again until it is back."""
    pushed, sent = Pushed(consumer, own_project, monkeypatch), [event(stream(), 1) for _ in range(3)]
    consumer.failing = {1}
    for _ in range(3):
        assert pushed(batch(*sent)).status_code == 503
        clock.pass_by(seconds=ASIDE_AFTER.total_seconds())
    assert [consumer.parked(each.stream) for each in sent] == [[], [], []]
    consumer.failing = set()
    assert outcomes(pushed(batch(*sent))) == ["applied"] * 3


def test_what_could_not_be_kept_is_not_set_aside(
    consumer: Consumer, own_project: Settings, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be decoded among others comes again until there is a dead topic for it: its data, or its envelope."""
    monkeypatch.setattr(receiving, "inbox", lambda *_: consumer.inbox)
    bound: Any = SimpleNamespace(row=ROW)
    receiver = MessageReceiver(bound, own_project, FakeClock())
    corrupt = msgspec.structs.replace(event(stream(), 1), data={"claim_id": 5})
    forged = {"ce-source": "/order", "ce-dataschema": f"/order/{TYPE}/v1"}
    sent = [DeliveredMessage(each.attributes(), each.body()) for each in (event(stream(), 1), corrupt)]
    sent.append(DeliveredMessage({**sent[0].attributes, **forged, "ce-subject": stream()}, sent[0].body))
    for outcome in ("applied", "known", "known"):
        received, *failed = receiver.receive_each(sent)
        assert received == outcome
        assert [type(each) for each in failed] == [Unavailable, Unavailable]
        clock.pass_by(seconds=ASIDE_AFTER.total_seconds())
    assert consumer.parked(corrupt.stream) == []


def test_pushes_of_several_events_share_transactions_of_bounded_size(
    held: Held, own_project: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each push hears what became of its own."""
    monkeypatch.setattr(serving, "BATCH_SIZE", 4)
    pushed, known = Pushed(held, own_project, monkeypatch), event(stream(), 1)
    sent = [[event(stream(), 1) for _ in range(3)] for _ in range(2)]
    responses = at_once(pushed, held, [batch(*sent[0], known), batch(*sent[1]), batch(known)])
    received = [outcomes(each) for each in responses]
    assert [each[:3] for each in received[:2]] == [["applied"] * 3] * 2
    assert sorted([received[0][3], *received[2]]) == ["applied", "known"]
    assert held.transactions() == [1, 3, 4]
