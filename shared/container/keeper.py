"""The keeper of a cell: its lease, and beside it, by sessions of its own, its gate."""

import threading
from functools import partial

from shared import requirements
from shared.cells.designation import keep_gate
from shared.cells.keeper import keep_cell
from shared.container.loops import Loop, finish
from shared.resources import Resources


def keep(resources: Resources, stop: threading.Event) -> None:
    """Keep lease and gate of this process's cell, while its region serves it, until `stop` is set.

    A defect in either ends both, so that the process is restarted. Raises RuntimeError then.
    """
    requirements.check_keeper(resources.settings)
    loops = [
        Loop("lease", partial(keep_cell, resources, stop), stop),
        Loop("gate", partial(keep_gate, resources, stop), stop),
    ]
    for loop in loops:
        loop.start()
    finish(loops)
