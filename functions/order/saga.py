"""Takes an order to its outcome from whatever state it is in: within the request, or in a sweep after a crash.

    T1 (create_order)   commits the order as placed, with its idempotency key
    reserve, hold       calls whose ids derive from the order's id, so that every retry sends the same command
    T2 (_conclude)      commits confirmed, failed or cancelled with the response to the request; the first commit wins

A refund follows the same pattern:

    T1 (refund_order)   commits the refund request, with its idempotency key
    void, refund        claiming voids the claim; if no voucher was issued, the wallet pays the money back
    T2 (_refund)        commits refunded or refused, with the response to the request

An order that ended (failed, cancelled, expired) releases its reservations and its hold before the refusal is returned;
the consumers of its event release them too, in case this process crashes first. A release is sent only after T2, so
that no process releases what another's T2 has confirmed.
"""

import logging
from datetime import datetime
from typing import Final

from functions.order.domain.errors import AlreadyClaimed, OrderPending
from functions.order.domain.order import RECONCILE_AFTER, Order
from functions.order.expiry import expire_if_due
from functions.order.ports import RefusalReason, SagaWork
from shared import ids
from shared.errors import Contended, Unavailable

log = logging.getLogger(__name__)

TOMBSTONES: Final = frozenset({"STOCK_RELEASED", "HOLD_RELEASED"})
"""Refusals by a tombstone: the order is being ended, and whoever ends it may have crashed before recording that."""


def finish(begun: Order | str, work: SagaWork, until: datetime, lease: str = "") -> Order:
    """Take an order to its outcome, retrying while a service is unavailable or a race is lost.

    begun: the order, if it was placed just now, or its id.
    lease: the reference that the request's idempotency key is leased to, if it is not the order's id.
    Raises OrderPending once `until` is past; a retry with the same idempotency key, or the sweep, continues.
    """
    order_id, known = (begun, None) if isinstance(begun, str) else (begun.id, begun)
    attempt = 0
    while True:
        try:
            return advance(order_id, work, known)
        except (Unavailable, Contended) as error:
            known = None
            attempt += 1
            if work.now() >= until:
                work.end_lease(lease or order_id)
                raise OrderPending(order_id=order_id) from error
            work.pause(attempt)


def advance(order_id: str, work: SagaWork, known: Order | None = None) -> Order:
    """Take all remaining steps to the outcome; safe to repeat at any point. Raises Unavailable, Contended.

    An order past its expiry expires instead, so that nobody is charged when a service recovers much later.
    known: the order as it was placed just now; what has happened to it since shows at T2.
    """
    order = known if known and known.expires_at > work.now() else _look(order_id, work)
    if order.status == "pending":
        order = _conclude(order, _reserve_and_hold(order, work), work)
    if order.stage == "refunding":
        order = _refund(order, work)
    if order.updated_at + RECONCILE_AFTER <= work.now():
        order = _reconcile(order, work)
    if order.ended:
        give_back(order, work)
    return order


def _look(order_id: str, work: SagaWork) -> Order:
    with work.transaction() as beginning:
        return expire_if_due(order_id, beginning)


def give_back(order: Order, work: SagaWork) -> None:
    """Release the reservations and the hold of an ended order. If a service is unavailable, its event does it later."""
    try:
        work.supply.release(order)
        if order.hold_id:
            work.wallet.release(order)
    except (Unavailable, Contended) as error:
        log.warning("%s: stock and hold are released later, by its event: %s", order.id, error)


def _reserve_and_hold(order: Order, work: SagaWork) -> RefusalReason | None:
    refusal = work.supply.reserve(order)
    if refusal is None and order.hold_id:
        refusal = work.wallet.hold(order)
    return refusal


def _conclude(order: Order, refusal: RefusalReason | None, work: SagaWork) -> Order:
    """T2: commit the outcome, unless one is committed already."""
    with work.transaction() as t2:
        current = t2.orders.lock(order.id, known=order)
        if current.status != "pending":
            return current
        if refusal is None:
            return t2.orders.record(current, current.confirm())
        if refusal[0] in TOMBSTONES:
            return t2.orders.record(current, current.cancel())
        return t2.orders.record(current, current.fail(*refusal))


def _refund(order: Order, work: SagaWork) -> Order:
    """Pay the money back unless a voucher was issued, and commit which it was, unless that is committed already."""
    voided = work.claiming.void(order)
    if voided and order.total:
        work.wallet.refund(order)
    with work.transaction() as t2:
        current = t2.orders.lock(order.id)
        if current.stage != "refunding":
            return current
        return t2.orders.record(current, current.refund() if voided else current.refuse_refund(AlreadyClaimed.code))


def _reconcile(order: Order, work: SagaWork) -> Order:
    """Query the service whose event an order has been waiting for too long."""
    if order.stage == "confirmed":
        return _reconcile_hold(order, work)
    return _reconcile_claim(order, work) if order.stage == "promised" else order


def _reconcile_hold(order: Order, work: SagaWork) -> Order:
    """Cancel a confirmed order whose hold was released; a capture is still reported by its event."""
    refusal = work.wallet.hold(order) if order.hold_id else None
    if refusal is None or refusal[0] not in TOMBSTONES:
        return order
    with work.transaction() as writing:
        current = writing.orders.lock(order.id)
        return writing.orders.record(current, current.cancel()) if current.stage == "confirmed" else current


def _reconcile_claim(order: Order, work: SagaWork) -> Order:
    """Mark an order claimed whose refund was refused because of a voucher, though no claim event has arrived."""
    if work.claiming.void(order):
        return order
    with work.transaction() as writing:
        current = writing.orders.lock(order.id)
        if current.stage != "promised":
            return current
        return writing.orders.record(current, current.claim(ids.sibling(current.id, "clm")))
