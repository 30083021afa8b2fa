"""Logs are lines of JSON in Cloud Logging's fields, by the level that is set, without secrets."""

import io
import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any

import pytest

from shared.config import read
from shared.telemetry import logs
from shared.telemetry.context import bind, bind_user
from shared.telemetry.logs import BLOT, blotted
from tests.shared.test_config import LEAST

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def restored() -> Iterator[None]:
    """The logging of this process is afterwards as it was before."""
    root, own = logging.getLogger(), [logging.getLogger(name) for name in logs.OWN]
    before = root.handlers[:], root.level, [each.level for each in own]
    yield
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    for each, was in zip(own, before[2], strict=True):
        each.setLevel(was)


def logged(level: str, *calls: tuple[str, int, str]) -> list[dict[str, Any]]:
    """The entries of messages, each as (logger, severity, text), with a LOG_LEVEL."""
    with redirect_stderr(io.StringIO()) as written:
        logs.configure(read({**LEAST, "LOG_LEVEL": level}))
        for name, severity, text in calls:
            logging.getLogger(name).log(severity, text)
    return [json.loads(line) for line in written.getvalue().splitlines()]


@pytest.mark.usefixtures("restored")
def test_an_entry_says_whose_request_it_is_of() -> None:
    """Severity, request, user and trace are fields that Cloud Logging knows, or that one can search by."""
    bind("request-1", f"00-{TRACE}-{SPAN}-01")
    bind_user("usr_us_1")
    (entry,) = logged("INFO", ("shared.test", logging.WARNING, "something"))
    del entry["time"]
    assert entry == {
        "severity": "WARNING",
        "logger": "shared.test",
        "message": "something",
        "request_id": "request-1",
        "user_id": "usr_us_1",
        "logging.googleapis.com/trace": f"projects/shop/traces/{TRACE}",
        "logging.googleapis.com/spanId": SPAN,
        "logging.googleapis.com/trace_sampled": True,
    }


@pytest.mark.usefixtures("restored")
def test_the_level_is_of_our_own_messages() -> None:
    """DEBUG shows ours, and no library's: some write what they send. ERROR silences both below it."""
    calls = [
        (name, severity, f"{name} {severity}")
        for name in ("shared.test", "functions.test", "urllib3.test")
        for severity in (logging.DEBUG, logging.INFO, logging.ERROR)
    ]
    found = {level: {entry["message"] for entry in logged(level, *calls)} for level in ("DEBUG", "INFO", "ERROR")}
    everything = {text for _, _, text in calls}
    assert found["DEBUG"] == everything - {"urllib3.test 10"}
    assert found["INFO"] == {text for text in everything if not text.endswith(" 10")}
    assert found["ERROR"] == {text for text in everything if text.endswith(" 40")}


def test_what_looks_like_a_secret_is_blotted_out() -> None:
    """Wherever in a message it is: a driver's error, a node's answer."""
    secrets = (
        "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c3IifQ.c2lnbmF0dXJl",
        "0x" + "ab" * 65,
        "cd" * 32,
        "whsec_" + "QUJD" * 8,
        "0xABCDEF0000000000000000000000000000000001",
    )
    texts = [where.format(secret) for secret in secrets for where in ("{}", "failed: '{}', again", "key={}", "a {}")]
    texts += ["https://hunter2:s3cret@node.example/path", "redis://:s3cret@host", "Authorization: Bearer s3cret"]
    assert [text for text in texts if any(secret in blotted(text) for secret in (*secrets, "s3cret"))] == []


def test_what_is_none_stays() -> None:
    """Ids, hashes of transactions and addresses of hosts are what one looks for."""
    for text in (
        "ord_us_01k0000000000000000000000a is confirmed",
        "transaction 0x" + "ab" * 32,
        "127.0.0.1:8080 refuses",
        "https://shop.example/v1/orders",
    ):
        assert blotted(text) == text
    assert BLOT in blotted("key " + "ab" * 32)
