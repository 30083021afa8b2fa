"""`make rollout-demo`: good and bad releases under load. The exit code is 1 if one does not end as it should."""

import signal
import sys
from time import monotonic

from cloudbuild.rollout.local.demo import SCENARIOS, demo, table


def main() -> int:
    """Play every scenario."""
    began = monotonic()
    # Ended from outside, it still ends what it has started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("The demo was ended."))
    with demo() as running:
        results = []
        for number, scenario in enumerate(SCENARIOS, start=1):
            print(f"\nA release: {scenario.name}", flush=True)
            results.append(running.play(number, scenario, lambda line: print(f"  {line}", flush=True)))
    print(f"\n{table(results)}\n\n{monotonic() - began:.0f} s", flush=True)
    return 1 if any(result.faults() for result in results) else 0


if __name__ == "__main__":
    sys.exit(main())
