"""What is said once a stack serves: where to begin."""

from emulators.control.address import console_url
from emulators.stack.parts.observe import PROMETHEUS
from emulators.stack.secrets import PEOPLE, address
from emulators.stack.stack import Stack


def invitation(stack: Stack) -> str:
    """Where the shop, the reference, the console and the logs are, and as whom to try it out."""
    observed = f"\nPrometheus is http://{stack.layout.address(PROMETHEUS)}." if PROMETHEUS in stack.ports else ""
    lines = [
        f"Serving at {stack.edge_url}: the shop {stack.edge_url}/shop, the reference {stack.edge_url}/docs, buying",
        f"by hand docs/purchase-by-hand.md, logs {stack.layout.logs}.{observed}",
        f"The console is {console_url(stack.layout)}",
        "Try it out as",
    ]
    for name in PEOPLE:
        lines.append(f"  {name:<9} {address(stack.layout.secrets, name)}, signed in by `make -s token AS={name}`")
    return "\n".join([*lines, "Ctrl-C ends it."])
