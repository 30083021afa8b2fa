"""Brings an order to its outcome, from wherever it stands: in the request, or by the sweeper after a crash.

    T1 (create_order)   the order is placed, with its idempotency key
    reserve, hold       calls whose ids derive from the order's, so that every try is the same command
    T2 (_conclude)      confirmed, failed or cancelled, with the answer to the request: one wins, whoever gets there

A refund goes the same way:

    T1 (refund_order)   the refund is requested, with its idempotency key
    void, refund        claiming says whether there is a voucher; if there is none, nor ever will be, the wallet pays
    T2 (_refund)        refunded or refused, with the answer to the request

An order that ended gives back what it had reserved and held, before its refusal is answered; its event repeats that.
A release goes out only after T2, so that nobody gives back what another's T2 has confirmed.
"""

import logging
from datetime import datetime
from typing import Final

from functions.order.domain.errors import AlreadyClaimed, OrderPending
from functions.order.domain.order import UNTOLD_FOR, Order
from functions.order.expiring import expire_if_due
from functions.order.ports import Refused, SagaWork
from shared import ids
from shared.errors import Contended, Unavailable

log = logging.getLogger(__name__)

BURIED: Final = frozenset({"STOCK_RELEASED", "HOLD_RELEASED"})
"""A command found its tombstone: somebody is ending this order, and may have been cut off before saying so."""


def finish(order_id: str, work: SagaWork, until: datetime, lease: str) -> Order:
    """Bring an order to its outcome, trying again while a service does not answer or a race is lost.

    lease: what the request's idempotency key is bound to.
    Raises OrderPending at `until`; the same idempotency key, or the sweeper, goes on.
    """
    attempt = 0
    while True:
        try:
            return advance(order_id, work)
        except (Unavailable, Contended) as error:
            attempt += 1
            if work.now() >= until:
                work.end_lease(lease)
                raise OrderPending(order_id=order_id) from error
            work.pause(attempt)


def advance(order_id: str, work: SagaWork) -> Order:
    """Take every step that is left to the outcome; safe to repeat at any point. Raises Unavailable, Contended.

    An order past its time expires instead: nobody is charged by surprise when a service comes back much later.
    """
    with work.transaction() as beginning:
        order = expire_if_due(order_id, beginning)
    if order.status == "pending":
        order = _conclude(order, _reserve_and_hold(order, work), work)
    if order.stage == "refunding":
        order = _refund(order, work)
    if order.updated_at + UNTOLD_FOR <= work.now():
        order = _ask(order, work)
    if order.ended:
        give_back(order, work)
    return order


def give_back(order: Order, work: SagaWork) -> None:
    """Release what an ended order reserved and held. When a service does not answer, the order's event does it."""
    try:
        work.supply.release(order)
        if order.hold_id:
            work.wallet.release(order)
    except (Unavailable, Contended) as error:
        log.warning("%s gives back later: %s", order.id, error)


def _reserve_and_hold(order: Order, work: SagaWork) -> Refused | None:
    refusal = work.supply.reserve(order)
    if refusal is None and order.hold_id:
        refusal = work.wallet.hold(order)
    return refusal


def _conclude(order: Order, refusal: Refused | None, work: SagaWork) -> Order:
    """T2: commit the outcome, unless there is one already."""
    with work.transaction() as t2:
        current = t2.orders.lock(order.id)
        if current.status != "pending":
            return current
        if refusal is None:
            return t2.orders.record(current, current.confirm())
        if refusal[0] in BURIED:
            return t2.orders.record(current, current.cancel())
        return t2.orders.record(current, current.fail(*refusal))


def _refund(order: Order, work: SagaWork) -> Order:
    """Give the money back, unless there is a voucher, and commit which it was, unless somebody has."""
    voided = work.claiming.void(order)
    if voided and order.total:
        work.wallet.refund(order)
    with work.transaction() as t2:
        current = t2.orders.lock(order.id)
        if current.stage != "refunding":
            return current
        return t2.orders.record(current, current.refund() if voided else current.refuse_refund(AlreadyClaimed.code))


def _ask(order: Order, work: SagaWork) -> Order:
    """An order that waits to be told of something, which nobody has for long: whoever knows is asked."""
    if order.stage == "confirmed":
        return _ask_wallet(order, work)
    return _ask_claiming(order, work) if order.stage == "promised" else order


def _ask_wallet(order: Order, work: SagaWork) -> Order:
    """A confirmed order of whose hold nothing was told: it is off if that was given back. A capture is told of."""
    refusal = work.wallet.hold(order) if order.hold_id else None
    if refusal is None or refusal[0] not in BURIED:
        return order
    with work.transaction() as writing:
        current = writing.orders.lock(order.id)
        return writing.orders.record(current, current.cancel()) if current.stage == "confirmed" else current


def _ask_claiming(order: Order, work: SagaWork) -> Order:
    """An order that keeps its money since there is a voucher, of which nothing was told: it is claimed."""
    if work.claiming.void(order):
        return order
    with work.transaction() as writing:
        current = writing.orders.lock(order.id)
        if current.stage != "promised":
            return current
        return writing.orders.record(current, current.claim(ids.sibling(current.id, "clm")))
