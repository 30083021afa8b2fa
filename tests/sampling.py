"""Many like cases of one test: a third of them runs in `make test`, all of them in `make test-all`.

What all cases share shows at a third of them. Each test has another third, so what is particular to one case shows in
some of the tests that ask about it.
"""

import zlib
from collections import defaultdict
from collections.abc import Iterable
from typing import Final

import pytest

SHARE: Final = 3
FEW: Final = 6
"""So many cases all run."""


def mark_the_rest(items: Iterable[pytest.Item]) -> None:
    """Mark two thirds of the cases of each test that is marked `sampled` as long."""
    tests = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled") is not None:
            tests[item.path.name, item.name.partition("[")[0]].append(item)
    for (module, name), cases in tests.items():
        turn = zlib.crc32(f"{module} {name}".encode())
        for number, case in enumerate(cases if len(cases) > FEW else []):
            if (number + turn) % SHARE:
                case.add_marker(pytest.mark.long)
