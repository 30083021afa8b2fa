"""What a smoke test expects of a function is what the function answers: asked of the running stack."""

import grpc
import pytest

from cloudbuild.rollout.probe import TagProbe, ask_function, ask_rpc_host
from cloudbuild.rollout.units import UNMATCHED, Kind, Unit
from emulators.stack.stack import Stack
from shared.registry import load

ROWS = [*(row.name for row in load().http_rows() if row.environment is None), UNMATCHED]


def function(name: str) -> Unit:
    return Unit("us-central1", Kind.FUNCTION, name.replace("_", "-"), name)


@pytest.mark.parametrize("name", ROWS)
def test_a_good_function_passes(name: str, stack: Stack) -> None:
    """Each HTTP row, and the function of unknown paths."""
    assert ask_function(stack.edge_url, function(name), load()) == ""


def test_what_answers_otherwise_does_not(stack: Stack) -> None:
    """The path of another function, a host that is not there, an RPC host that is none; a tag without a URL."""
    assert ask_function(f"{stack.edge_url}/elsewhere", function("health"), load()) == "GET /health: 404"
    nobody = ask_function("http://127.0.0.1:1", function("health"), load())
    assert nobody == "GET /health: NewConnectionError"
    assert TagProbe(load()).ask(function("health"), "").startswith("its tag has no URL")


def test_an_rpc_host_is_asked_for_its_health(stack: Stack) -> None:
    """By the protocol of gRPC."""
    with grpc.insecure_channel(f"127.0.0.1:{stack.ports['rpc-wallet-us-central1']}") as channel:
        assert ask_rpc_host(channel) == ""
    with grpc.insecure_channel(f"127.0.0.1:{stack.ports['functions-us-central1']}") as channel:
        assert ask_rpc_host(channel, seconds=1.0).startswith("health: ")
