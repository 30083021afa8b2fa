"""Serve the control endpoint of a stack: `python -m emulators.control STATE`; the stack itself starts it."""

import logging
import sys
from pathlib import Path

from werkzeug.serving import make_server

from emulators.control.server import Control
from emulators.stack import secrets
from emulators.stack.ports import CONTROL, HOST
from emulators.stack.stack import Stack


def main(state: Path) -> None:
    """Serve until it is told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # what is asked is not worth a line
    stack = Stack(state)
    token = secrets.read(stack.layout.secrets, secrets.CONTROL_TOKEN)
    application = Control(stack, token, stack.layout.address(CONTROL)).application()
    make_server(HOST, stack.ports[CONTROL], application, threaded=True).serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
