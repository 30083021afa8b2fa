"""Pulls messages from Pub/Sub in batches, and acknowledges them after their effects.

A place is an ordering key of a subscription. Pub/Sub has one batch of a key outstanding at a time: the next messages of
a key are delivered when that batch is acknowledged, so that whoever holds it gets them in order. Unary pull is used
since StreamingPull delivers one message of a key at a time, and so no batches.

A message that waits keeps its lease: its deadline is extended. If a deadline passes all the same, Pub/Sub delivers the
message again, and what follows it in its key: as the same message while it is still held here, else to the inbox, which
knows it.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final, Protocol

from shared.bus.batches import unpack
from shared.bus.records import RebalanceListener, Record, TopicPartition
from shared.errors import Unavailable

log = logging.getLogger(__name__)

PACE_SECONDS: Final = 0.1
"""The least time from one pull of a subscription to the next while messages come: so they gather, and share a pull, a
transaction and an acknowledgement. What comes alone is delivered at once."""

FULL: Final = 50
"""So many messages in one answer are a backlog, which is pulled without a pause."""

EMPTY_SECONDS: Final = 0.5
"""The least time from a pull without messages to the next: servers answer late then, but do not promise it."""

EXTEND_SECONDS: Final = 10.0
"""How often deadlines are extended. The subscription's own, which counts from delivery, must be well above it."""

DEADLINE_SECONDS: Final = 60
"""To when deadlines are extended, from then on."""

HELD_AT_MOST: Final = 2_000
"""How many messages of a subscription are held; with so many, none are pulled."""

STUCK_SECONDS: Final = 5.0
"""How long a key that does not get on may keep its messages where there is no room for those of others."""

HELD_SECONDS: Final = 600.0
"""How long it may keep them where there is room: another process may be able to handle them."""

CLOSE_SECONDS: Final = 2.0
"""How long closing waits for the answers of pulls under way: messages in an unread answer are lost to everyone until
their deadline. It is as long as a pull takes at most."""


@dataclass(frozen=True, slots=True)
class PulledMessage:
    """A message as Pub/Sub delivered it: each delivery has another `ack_id`."""

    id: str
    ack_id: str
    ordering_key: str
    attributes: Mapping[str, str]
    body: bytes


class Pull(Protocol):
    """A pull under way."""

    def wait(self, seconds: float) -> bool:
        """Wait for its answer; returns whether it is there."""

    def messages(self) -> list[PulledMessage]:
        """Those of its answer: in order within a key, and none if none came in time. Raises Unavailable."""

    def cancel(self) -> None:
        """Give up waiting for it."""


class PullApi(Protocol):
    """What a PullSubscriber calls of Pub/Sub; subscriptions are named by their paths."""

    def pull(self, subscription: str, most: int, answered: Callable[[], None]) -> Pull:
        """Begin to wait for messages; `answered` is called when the answer is there, in any thread."""

    def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        """Acknowledge messages. Raises Unavailable."""

    def modify_deadline(self, subscription: str, ack_ids: Sequence[str], seconds: int) -> None:
        """Have their deadline in so many seconds; 0 gives them back. Raises Unavailable."""


@dataclass(slots=True)
class _Held:
    """A message that is not acknowledged yet."""

    id: str
    ack_id: str
    offset: int
    """Of its record or, if it is a batch, of the last one."""
    leased: float
    """When its deadline was last set."""


@dataclass(slots=True)
class _Key:
    """The messages of an ordering key that are held, in order."""

    held: deque[_Held]
    moved: float
    """When it last got on."""


@dataclass(slots=True)
class _Subscription:
    """What is held of one subscription, by ordering key, and its pull under way."""

    name: str
    path: str
    keys: dict[str, _Key] = field(default_factory=dict)
    by_id: dict[str, _Held] = field(default_factory=dict)
    pull: Pull | None = None
    began: float = 0.0
    due: float = 0.0
    """When the next pull may begin."""

    def remove(self, key: str, number: int) -> None:
        """Forget the first messages of a key, and a key without messages."""
        held = self.keys[key].held
        for _ in range(number):
            del self.by_id[held.popleft().id]
        if not held:
            del self.keys[key]


class PullSubscriber:
    """Takes the messages of some subscriptions. Not thread-safe."""

    def __init__(
        self,
        api: PullApi,
        subscriptions: Mapping[str, str],
        owner: RebalanceListener,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """
        subscriptions: the path of each by its name, which is the topic of its records' places.
        owner: is told which keys have messages here.
        now: seconds of a monotonic clock.
        """
        self._api = api
        self._subscriptions = {name: _Subscription(name, path) for name, path in subscriptions.items()}
        self._owner = owner
        self._now = now
        self._offsets = count()
        self._paused: set[TopicPartition] = set()
        self._answered = threading.Event()

    def take(self, most: int, within_seconds: float) -> list[Record]:
        """New messages, at most so many of each subscription. Raises Unavailable."""
        until = self._now() + within_seconds
        for each in self._subscriptions.values():
            self._extend(each)
            self._give_back_stuck(each)
        while True:
            # What is answered after this has the wait end at once, and so is not overlooked.
            self._answered.clear()
            wakes = [until, *(due for each in self._subscriptions.values() if (due := self._begin(each, most)))]
            answered = [each for each in self._subscriptions.values() if each.pull and each.pull.wait(0)]
            left = min(wakes) - self._now()
            if answered or until <= self._now():
                return [record for each in answered for record in self._hold(each)]
            self._answered.wait(max(0.0, left))

    def commit(self, offsets: Mapping[TopicPartition, int]) -> bool:
        """Acknowledge the messages before these offsets; returns whether that succeeded."""
        counts: dict[str, dict[str, int]] = {}
        for (name, partition), offset in offsets.items():
            kept = self._subscriptions[name].keys.get(str(partition))
            if kept is not None:
                number = sum(held.offset < offset for held in kept.held)
                counts.setdefault(name, {})[str(partition)] = number
        done = [self._acknowledge(self._subscriptions[name], numbers) for name, numbers in counts.items()]
        return all(done)

    def pause(self, place: TopicPartition) -> None:
        """Note that records of a place wait; Pub/Sub delivers no more of its key until these are acknowledged."""
        self._paused.add(place)

    def resume(self, place: TopicPartition) -> None:
        """Note that no record of a place waits any more."""
        self._paused.discard(place)

    def close(self) -> None:
        """Give back what is held, and what pulls under way may still bring."""
        until = time.monotonic() + CLOSE_SECONDS
        for each in self._subscriptions.values():
            ack_ids = [held.ack_id for key in each.keys.values() for held in key.held]
            try:
                if each.pull is not None and each.pull.wait(max(0.0, until - time.monotonic())):
                    ack_ids += [message.ack_id for message in each.pull.messages()]
                elif each.pull is not None:
                    each.pull.cancel()
                if ack_ids:
                    self._api.modify_deadline(each.path, ack_ids, 0)
            except Unavailable as error:
                log.warning("%d messages of %s stay until their deadline: %s", len(ack_ids), each.name, error)
            each.pull = None
            each.keys.clear()
            each.by_id.clear()

    def _begin(self, each: _Subscription, most: int) -> float:
        """Begin a pull, if none is under way and there is room; returns when that is due if it is not yet, else 0."""
        room = min(most, HELD_AT_MOST - len(each.by_id))
        if each.pull is not None or room <= 0:
            return 0.0
        now = self._now()
        if now < each.due:
            return each.due
        each.pull, each.began = self._api.pull(each.path, room, self._answered.set), now
        return 0.0

    def _hold(self, each: _Subscription) -> Iterator[Record]:
        """The records of an answered pull."""
        assert each.pull is not None
        answered, each.pull = each.pull, None
        messages, now = answered.messages(), self._now()
        each.due = each.began + (EMPTY_SECONDS if not messages else 0.0 if len(messages) >= FULL else PACE_SECONDS)
        for message in messages:
            known = each.by_id.get(message.id)
            if known is not None:  # its deadline had passed: the earlier delivery can no longer be acknowledged
                known.ack_id, known.leased = message.ack_id, now
                continue
            place = TopicPartition(each.name, message.ordering_key)
            records = [
                Record(place, next(self._offsets), *unpacked) for unpacked in unpack(message.attributes, message.body)
            ]
            held = _Held(message.id, message.ack_id, records[-1].offset, now)
            if message.ordering_key not in each.keys:
                each.keys[message.ordering_key] = _Key(deque(), now)
                self._owner.assigned({place: None})
            each.keys[message.ordering_key].held.append(held)
            each.by_id[message.id] = held
            yield from records

    def _acknowledge(self, each: _Subscription, counts: Mapping[str, int]) -> bool:
        """Acknowledge the first messages of keys; returns whether that succeeded."""
        ack_ids = [each.keys[key].held[index].ack_id for key, number in counts.items() for index in range(number)]
        if not ack_ids:
            return True
        try:
            self._api.acknowledge(each.path, ack_ids)
        except Unavailable as error:
            log.warning("%d messages of %s were not acknowledged: %s", len(ack_ids), each.name, error)
            return False
        for key, number in counts.items():
            each.keys[key].moved = self._now()
            each.remove(key, number)
            if key not in each.keys:
                self._owner.lost([TopicPartition(each.name, key)])
        return True

    def _extend(self, each: _Subscription) -> None:
        """Extend the deadlines that were set a while ago."""
        now = self._now()
        old = [held for held in each.by_id.values() if now - held.leased >= EXTEND_SECONDS]
        if not old:
            return
        for held in old:
            held.leased = now  # if it fails, there is time for another attempt, and no hurry
        try:
            self._api.modify_deadline(each.path, [held.ack_id for held in old], DEADLINE_SECONDS)
        except Unavailable as error:
            log.warning("the deadlines of %d messages of %s were not extended: %s", len(old), each.name, error)

    def _give_back_stuck(self, each: _Subscription) -> None:
        """Give back keys that have not got on for long and, where there is no room, the longest of those of a while."""
        now = self._now()
        ages = {
            key: now - kept.moved for key, kept in each.keys.items() if TopicPartition(each.name, key) in self._paused
        }
        back = [key for key, age in ages.items() if age >= HELD_SECONDS]
        stuck = [key for key, age in ages.items() if age >= STUCK_SECONDS]
        if not back and stuck and len(each.by_id) >= HELD_AT_MOST:
            back = [max(stuck, key=lambda key: len(each.keys[key].held))]
        for key in back:
            ack_ids = [held.ack_id for held in each.keys[key].held]
            log.warning("%d messages of %s in %s are given back", len(ack_ids), key, each.name)
            self._owner.lost([TopicPartition(each.name, key)])
            each.remove(key, len(ack_ids))
            try:
                self._api.modify_deadline(each.path, ack_ids, 0)
            except Unavailable as error:
                log.warning("%d messages of %s stay until their deadline: %s", len(ack_ids), each.name, error)
