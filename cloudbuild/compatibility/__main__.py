"""Whether the release that serves works on the schema of this checkout.

python -m cloudbuild.compatibility check                 against what is recorded as released
python -m cloudbuild.compatibility check --since TAG     against a commit or tag of this repository
python -m cloudbuild.compatibility renew                 record this checkout as what serves (`make released`)
"""

import argparse
import sys

from cloudbuild.compatibility.check import incompatible
from cloudbuild.compatibility.released import of_checkout, of_commit, read, write
from cloudbuild.compatibility.scratch import server


def main(arguments: list[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="cloudbuild.compatibility", description="Expand and contract, checked.")
    parser.add_argument("command", choices=["check", "renew"])
    parser.add_argument("--since", help="the commit or tag of the release that serves; by default what is recorded")
    chosen = parser.parse_args(arguments)
    if chosen.command == "renew":
        write(of_checkout())
        return 0
    released = of_commit(chosen.since) if chosen.since else read()
    with server() as connect:
        found = list(incompatible(released, connect))
    sys.stdout.writelines(f"{each}\n" for each in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
