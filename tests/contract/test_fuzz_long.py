"""Fuzzing at length; in a module of its own, since only collecting it computes the edges of the whole document."""

from typing import Any

import pytest
import schemathesis
from hypothesis import settings
from schemathesis.config import SchemathesisConfig

from emulators.stack.stack import Stack
from tests.contract.api import DOCUMENT, Api
from tests.contract.conftest import World
from tests.contract.test_fuzz import CHECKS, UNHURRIED, ask

DESCRIBED = schemathesis.openapi.from_dict(DOCUMENT, config=SchemathesisConfig.from_dict({"checks": CHECKS}))


@pytest.mark.long
@DESCRIBED.parametrize()
@settings(UNHURRIED, max_examples=250)
def test_fuzz_at_length(case: schemathesis.Case[Any], api: Api, stack: Stack, fuzzed: World) -> None:
    """Many requests, other ones on every run, and the edges of all that the document allows."""
    ask(case, api, stack, fuzzed)
