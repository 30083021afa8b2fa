"""What siwe-py does for a sign-in, in its own environment: prints how often a second, once for each line that it reads.

The first line holds a message and its signature as JSON.
"""

import json
import sys
import time

from siwe import SiweMessage

SECONDS = 0.5


def main() -> None:
    """Serve until standard input ends."""
    given = json.loads(sys.stdin.readline())
    for _ in sys.stdin:
        count, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < SECONDS:
            SiweMessage.from_message(given["message"]).verify(given["signature"])
            count += 1
        print(count / passed, flush=True)


main()
