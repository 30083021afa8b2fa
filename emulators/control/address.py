"""Where the console is, and what it needs to act on its stack."""

from emulators.stack import secrets
from emulators.stack.environment import Layout
from emulators.stack.ports import CONTROL


def console_url(layout: Layout) -> str:
    """The page of a stack, with the token behind the #: that part of a URL is not sent to any server."""
    page = f"{layout.edge_url}/console"
    if CONTROL not in layout.ports:
        return page
    return f"{page}#control={layout.ports[CONTROL]}&token={secrets.read(layout.secrets, secrets.CONTROL_TOKEN)}"
