"""Whose address a request is counted against."""

import flask
import pytest

from shared.runtime.peer import client_address


@pytest.mark.parametrize(
    ("heard", "proxies", "address"),
    [
        ("203.0.113.9", 1, "203.0.113.9"),
        ("10.0.0.1, 203.0.113.9", 1, "203.0.113.9"),
        ("1.2.3.4, 203.0.113.9, 35.191.0.1", 2, "203.0.113.9"),
        (" 203.0.113.9 ,35.191.0.1", 2, "203.0.113.9"),
        ("203.0.113.9", 2, "198.51.100.7"),
        ("", 1, "198.51.100.7"),
        ("203.0.113.9", 0, "198.51.100.7"),
        ("2001:db8:1:2:3:4:5:6", 1, "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", 1, "203.0.113.9"),
        ("unknown", 1, "unknown"),
        ("x" * 1000, 1, "x" * 64),
    ],
)
def test_who_asks(heard: str, proxies: int, address: str) -> None:
    """What our own proxies have heard counts; what stands before it is the client's own word, and ignored."""
    headers = {"X-Forwarded-For": heard} if heard else {}
    with flask.Flask("test").test_request_context(
        "/", headers=headers, environ_base={"REMOTE_ADDR": "198.51.100.7"}
    ) as context:
        assert client_address(context.request, proxies) == address
