"""What becomes of webhooks and deliveries after attempts to send."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from functions.notification.domain.concerning import DISABLED, Notice
from functions.notification.domain.webhook import Webhook
from functions.notification.ports import Attempt, ConcludingWork
from shared.contracts.events import Event


def concluded(attempts: Sequence[Attempt], work: ConcludingWork) -> None:
    """Keep what came of attempts; an owner whose webhook is disabled by it is told so."""
    in_turn = sorted(attempts, key=lambda attempt: attempt.parcel.delivery.webhook_id)
    for webhook_id, group in groupby(in_turn, key=lambda attempt: attempt.parcel.delivery.webhook_id):
        before = work.webhooks.lock(webhook_id)
        if before is None:
            continue  # deleted meanwhile, and its deliveries with it
        after = before
        for attempt in group:
            after = after.after(attempt.outcome, attempt.at, work.chance())
            kept = attempt.parcel.delivery.after(attempt.outcome, attempt.at, work.chance())
            work.deliveries.save(kept, attempt.parcel)
        if after != before:
            work.webhooks.save(after)
        if after.status == "disabled":
            work.deliveries.give_up(after)
        if after.disablings > before.disablings:
            _tell(after, work)


def _tell(webhook: Webhook, work: ConcludingWork) -> None:
    data: Mapping[str, Any] = {"webhook_id": webhook.id, "url": webhook.url, "reason": webhook.reason}
    told: Event[None] = Event(
        id=work.new_id("evt"),
        type=DISABLED,
        stream=webhook.id,
        version=webhook.disablings,
        at=webhook.updated_at,
        data=None,
    )
    work.notices.note(told, [Notice(webhook.user_id, data, in_feed=True)])
