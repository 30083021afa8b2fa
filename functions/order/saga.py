"""Takes orders to their outcome from whatever state they are in: within the request, or in a sweep after a crash.

    T1 (_place)         commits orders as placed, with their idempotency keys
    reserve, hold       calls whose ids derive from the order's id, so that every retry sends the same command
    T2 (_conclude)      commits confirmed, failed or cancelled with the response to the request; the first commit wins

Orders that wait in a process go through these steps together (`begin`). Whatever stops them on the way, each is then
taken on by its own request, alone, from where it stands.

A refund follows the same pattern:

    T1 (refund_order)   commits the refund request, with its idempotency key
    void, refund        claiming voids the claim; if no voucher was issued, the wallet pays the money back
    T2 (_refund)        commits refunded or refused, with the response to the request

An order that ended (failed, cancelled, expired) releases what it took before the refusal is returned; the consumers of
its event release it too, in case this process crashes first, or a command that was given up on arrives late. A release
is sent only after T2, so that no process releases what another's T2 has confirmed.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from functions.order.domain.errors import AlreadyClaimed, OrderPending
from functions.order.domain.events import OrderEvent
from functions.order.domain.order import RECONCILE_AFTER, Order
from functions.order.expiry import expire_if_due
from functions.order.ports import SHORT, KeyedWork, NewOrder, RefusalReason, RequestHandle, SagaWork
from shared import ids
from shared.errors import Contended, KeyInUse, OutcomeUnknown, Unavailable

log = logging.getLogger(__name__)

ROUNDS: Final = 3
"""How often an order is tried again after units have come from other cells, in case others took them meanwhile."""

TOMBSTONES: Final = frozenset({"STOCK_RELEASED", "HOLD_RELEASED"})
"""Refusals by a tombstone: the order is being ended, and whoever ends it may have crashed before recording that."""


def begin(new: Sequence[NewOrder], work: SagaWork) -> list[Order | Exception]:
    """Place orders and take them as far as they come together; KeyInUse for one whose key another request leased.

    Raises if none was placed.
    """
    _let_payments_catch_up(work)
    requests = {each.placed.order_id: each.request for each in new}
    try:
        placed = {order.id: order for order in _place(new, requests, work)}
    except OutcomeUnknown as error:
        return [error] * len(new)  # nobody may place them a second time
    pending = [order for order in placed.values() if order.status == "pending"]
    try:
        placed.update((order.id, order) for order in _conclude(pending, work, requests))
    except Exception:  # each request finishes its own order, and raises what is its own
        log.info("%d orders are finished one by one", len(pending), exc_info=True)
    return [placed.get(order_id, KeyInUse()) for order_id in requests]


def _let_payments_catch_up(work: SagaWork) -> None:
    """Backpressure: while payments lag behind, new orders wait, so that a rush cannot starve those that are confirmed.

    They wait as long as a payment may lag, no longer: if what lags is stuck, that is no reason to stop selling.
    """
    most = timedelta(seconds=work.payment_lag_seconds)
    until = work.now() + most
    attempt = 0
    while most and work.now() < until and work.payments_lag(most):
        work.pause(attempt)
        attempt += 1


def _place(new: Sequence[NewOrder], requests: Mapping[str, RequestHandle], work: SagaWork) -> list[Order]:
    """T1: commit those orders whose request was the first with its key.

    One whose quote has expired, was already used, or was made for other terms fails in the same transaction.
    """
    with work.transaction() as t1:
        leased = t1.lease_keys(requests)
        t1.attribute(requests)
        mine = [each for each in new if each.placed.order_id in leased]
        orders = t1.orders.place([each.placed for each in mine])
        return t1.orders.record_all(
            [(order, _of_quote(each, order, t1)) for each, order in zip(mine, orders, strict=True)]
        )


def _of_quote(new: NewOrder, order: Order, t1: KeyedWork) -> list[OrderEvent]:
    """Use an order's quote, if it has one; it fails if that does not hold."""
    if new.quote is None:
        return []
    refusal = new.quote.refusal(new.lines, t1.now()) or t1.orders.use_quote(new.quote.id, order)
    return order.fail(*refusal) if refusal else []


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
        (order,) = _conclude([order], work)
    if order.stage == "refunding":
        order = _refund(order, work)
    if order.updated_at + RECONCILE_AFTER <= work.now():
        order = _reconcile(order, work)
    if order.ended and not order.took_nothing:
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


def _conclude(
    orders: Sequence[Order], work: SagaWork, requests: Mapping[str, RequestHandle] | None = None
) -> list[Order]:
    """Reserve and hold what pending orders need, and commit the outcome of each (T2), unless one is committed already.

    One that lacks units which other cells may have stays pending among others; alone it waits for them.
    requests: those that the orders are of, if not the one of this work.
    """
    if not orders:
        return []
    refusals = _reserve_and_hold(orders, work, alone=requests is None)
    with work.transaction() as t2:
        t2.attribute(requests or {})
        return t2.orders.record_all(
            [(order, _outcome(order, refusals.get(order.id))) for order in t2.orders.lock_all(orders)]
        )


def _reserve_and_hold(orders: Sequence[Order], work: SagaWork, *, alone: bool) -> dict[str, RefusalReason]:
    """The refusals, by order. alone: whether it may wait, since no other order waits with it."""
    reserved = [_reserve_patiently(order, work) for order in orders] if alone else work.supply.reserve(orders)
    refusals = {order.id: refusal for order, refusal in zip(orders, reserved, strict=True)}
    payable = [order for order in orders if order.hold_id and refusals[order.id] is None]
    if payable:
        refusals.update((order.id, refusal) for order, refusal in zip(payable, work.wallet.hold(payable), strict=True))
    return {order_id: refusal for order_id, refusal in refusals.items() if refusal is not None}


def _reserve_patiently(order: Order, work: SagaWork) -> RefusalReason | None:
    """The refusal of an order, if any; it is sold out when other cells have no units for it either."""
    (refusal,) = work.supply.reserve([order])
    for _ in range(ROUNDS):
        if refusal is None or refusal[0] != SHORT or not work.supply.request_units(order):
            break
        (refusal,) = work.supply.reserve([order])
    return ("SOLD_OUT", refusal[1]) if refusal and refusal[0] == SHORT else refusal


def _outcome(order: Order, refusal: RefusalReason | None) -> list[OrderEvent]:
    if order.status != "pending" or (refusal and refusal[0] == SHORT):
        return []
    if refusal is None:
        return order.confirm()
    return order.cancel() if refusal[0] in TOMBSTONES else order.fail(*refusal)


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
    refusal = work.wallet.hold([order])[0] if order.hold_id else None
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
