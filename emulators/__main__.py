"""`python -m emulators`: see commands.py. This module only reports a missing package in one sentence."""

import sys

try:
    from emulators.commands import main
except ModuleNotFoundError as error:
    if (error.name or "").split(".")[0] in ("emulators", "shared"):
        raise
    sys.exit(
        f"The Python package {error.name} is missing: install the Python packages with"
        " `pip install -r requirements-dev.txt`."
    )

if __name__ == "__main__":
    sys.exit(main())
