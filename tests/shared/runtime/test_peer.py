"""The network address that a request is counted against."""

import flask
import pytest

from shared.runtime.peer import client_address


@pytest.mark.parametrize(
    ("forwarded", "proxies", "address"),
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
def test_who_asks(forwarded: str, proxies: int, address: str) -> None:
    """The entries of our own proxies count; those before them come from the client, and are ignored."""
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    with flask.Flask("test").test_request_context(
        "/", headers=headers, environ_base={"REMOTE_ADDR": "198.51.100.7"}
    ) as context:
        assert client_address(context.request, proxies) == address
