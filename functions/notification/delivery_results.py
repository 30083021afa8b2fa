"""Recording the results of delivery attempts: on deliveries, webhooks and their owners' feeds."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from functions.notification.domain.recipients import DISABLED, Notice
from functions.notification.domain.webhook import Webhook
from functions.notification.ports import Attempt, ResultsWork
from shared.contracts.events import Event


def record_results(attempts: Sequence[Attempt], work: ResultsWork) -> None:
    """Record the results of attempts; the owner of a webhook that gets disabled is notified."""
    by_webhook = sorted(attempts, key=lambda attempt: attempt.parcel.delivery.webhook_id)
    for webhook_id, group in groupby(by_webhook, key=lambda attempt: attempt.parcel.delivery.webhook_id):
        before = work.webhooks.lock(webhook_id)
        if before is None:
            continue  # deleted meanwhile, and its deliveries with it
        after = before
        for attempt in group:
            after = after.after(attempt.outcome, attempt.at, work.chance())
            delivery = attempt.parcel.delivery.after(attempt.outcome, attempt.at, work.chance())
            work.deliveries.save(delivery, attempt.parcel)
        if after != before:
            work.webhooks.save(after)
        if after.status == "disabled":
            work.deliveries.give_up(after)
        if after.disablings > before.disablings:
            _notify_owner(after, work)


def _notify_owner(webhook: Webhook, work: ResultsWork) -> None:
    data: Mapping[str, Any] = {"webhook_id": webhook.id, "url": webhook.url, "reason": webhook.reason}
    event: Event[None] = Event(
        id=work.new_id("evt"),
        type=DISABLED,
        stream=webhook.id,
        version=webhook.disablings,
        at=webhook.updated_at,
        data=None,
    )
    work.notices.record(event, [Notice(webhook.user_id, data, in_feed=True)])
