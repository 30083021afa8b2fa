"""The probes of a worker: it is alive while its loops are."""

import http.client
import threading

import pytest

from emulators.stack.ports import HOST
from emulators.waiting import until
from shared.container import loops
from shared.container.loops import Loop, dead, finish
from shared.container.probes import LIVE, READY, STARTUP, probed


def ask(port: int, path: str) -> tuple[int, str]:
    """The answer of a probe."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(autouse=True)
def nothing_died(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process of the tests forgets what dies in a test."""
    monkeypatch.setattr(loops, "_dead", [])


def test_a_worker_is_alive_until_a_loop_dies() -> None:
    """Then liveness is 503 and names it, though the process still ends the others."""
    stop, broken, others = threading.Event(), threading.Event(), threading.Event()

    def fail() -> None:
        broken.wait()
        raise RuntimeError("a defect")

    started = [Loop("relay", fail, stop), Loop("filler", lambda: bool(others.wait()), stop)]
    for loop in started:
        loop.start()
    with probed(HOST, 0, dead) as port:
        assert ask(port, STARTUP) == ask(port, LIVE) == (200, "ok")
        assert ask(port, READY)[0] == ask(port, "/")[0] == 404
        broken.set()
        until(lambda: ask(port, LIVE), lambda seen: seen == (503, "dead: relay"))
        assert ask(port, STARTUP) == (200, "ok")
        assert stop.is_set()
        others.set()
        with pytest.raises(RuntimeError, match=r"The loop of relay died\."):
            finish(started)
    with pytest.raises(ConnectionRefusedError):
        ask(port, LIVE)


def test_a_loop_that_ends_by_itself_is_not_dead() -> None:
    """As all do when the process stops."""
    stop = threading.Event()
    loop = Loop("poll", lambda: bool(stop.wait()), stop)
    loop.start()
    stop.set()
    finish([loop])
    assert dead() == []
