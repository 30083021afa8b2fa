"""The scheduler of a cell: invokes the schedule rows at their times, as Cloud Scheduler does.

python -m emulators.stack.parts.scheduler
"""

import logging
import os
from pathlib import Path
from typing import Final

import httpx
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.cron import CronTrigger

from emulators.stack import secrets
from shared.registry import load

log = logging.getLogger(__name__)

TIMEOUT_SECONDS: Final = 120
LATE_SECONDS: Final = 30
"""An invocation that is later than this is skipped; the next one does its work."""


def call(client: httpx.Client, row: str) -> None:
    """Invoke a row once. A failure is logged: the next invocation is the retry."""
    try:
        response = client.post(f"/_schedules/{row}")
    except httpx.HTTPError as error:
        log.warning("%s was not started: %s", row, error)
        return
    level = logging.INFO if response.is_success else logging.WARNING
    log.log(level, "%s answered %d", row, response.status_code)


def main() -> None:
    """Run until the process is stopped."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    for library in ("httpx", "apscheduler"):
        logging.getLogger(library).setLevel(logging.WARNING)
    token = secrets.read(Path(os.environ["SECRETS_DIR"]), "push_token")
    client = httpx.Client(
        base_url=f"http://{os.environ['EVENTS_ADDRESS']}",
        headers={"X-Internal-Token": token},
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    )
    scheduler = BlockingScheduler(timezone="UTC")
    for row in load().scheduled_rows():
        scheduler.add_job(
            call,
            CronTrigger.from_crontab(row.schedule, timezone="UTC"),
            args=(client, row.name),
            id=row.name,
            max_instances=1,
            coalesce=True,
            misfire_grace_time=LATE_SECONDS,
        )
    log.info("scheduler of %s: %d rows", os.environ["MERIDIAN_CELL"], len(scheduler.get_jobs()))
    scheduler.start()


if __name__ == "__main__":
    main()
