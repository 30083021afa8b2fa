"""Requests to URLs of users go to the public internet only."""

import socket
import time
from ipaddress import ip_address
from typing import Any

import pytest

from emulators.waiting import until
from shared.http_client import ssrf_guard as outward
from shared.http_client.ssrf_guard import Reply, Target, Unreachable, allowed, post, resolved, target
from tests.webhook_receiver import WebhookReceiver, drips, floods, hangs

PUBLIC = ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.1", "100.63.255.255", "100.128.0.1", "192.0.1.1"]
PUBLIC += ["2606:4700:4700::1111", "2a00:1450:4001:82a::200e", "223.255.255.254"]
NOT_PUBLIC = ["0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9"]
NOT_PUBLIC += [
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
]
NOT_PUBLIC += ["198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"]
NOT_PUBLIC += ["::", "::1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1"]
NOT_PUBLIC += ["fe80::1", "fec0::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001::1", "2001:db8::1", "2002:7f00:1::1"]
NOT_PUBLIC += ["100::1", "3fff::1", "4000::1", "fe80::1%lo"]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_are_allowed(address: str) -> None:
    """Also beside the edges of what is not."""
    assert allowed(ip_address(address), loopback=False)


def test_other_addresses_are_not(subtests: pytest.Subtests) -> None:
    """Private, shared, loopback, link-local, multicast, reserved; and what hides such an address in another."""
    for address in NOT_PUBLIC:
        with subtests.test(address=address):
            assert not allowed(ip_address(address), loopback=False)
            host = f"[{address}]" if ":" in address else address
            with pytest.raises(ValueError, match="URL"):
                target(f"https://{host}/", loopback=False)


def test_loopback_is_allowed_where_it_is_said() -> None:
    """On the local stack; and nothing else besides."""
    more = [each for each in NOT_PUBLIC if allowed(ip_address(each), loopback=True)]
    assert more == ["127.0.0.1", "127.9.9.9", "::1"]


REFUSED = [
    *("", "x", "https://", "https:///x", "ftp://shop.example/", "file:///etc/passwd", "gopher://shop.example:70/"),
    *("http://shop.example/", "//shop.example/", "https://user@shop.example/", "https://a:b@shop.example/"),
    *("https://shop.example/#x", "https://shop.example/ x", "https://shop.example/\n", "https://shöp.example/"),
    *(
        "https://shop.example:99999/",
        "https://shop.example:x/",
        "https://shop.example:0/",
        "https://shop.example:25/",
    ),
    *("https://shop.example:22/", "https://[::1/", "https://[x]/", "https://-/", "https://shop.example\\@x/"),
    *(
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://169.254.169.254/latest",
        "https://shop.example/" + "x" * 2048,
    ),
]


def test_other_urls_are_refused(subtests: pytest.Subtests) -> None:
    """What is no https URL of a public host, without user information and fragment, on a port that may be."""
    for url in REFUSED:
        with subtests.test(url=url), pytest.raises(ValueError, match=r"."):
            target(url, loopback=False)


def test_a_url_is_taken_apart() -> None:
    """The Host header has the port only where it is not the scheme's."""
    assert target("https://shop.example/a?b=c", loopback=False) == Target(True, "shop.example", 443, "/a?b=c")
    assert target("https://SHOP.example", loopback=False).authority == "shop.example"
    assert target("https://shop.example:8443/", loopback=False).authority == "shop.example:8443"
    assert target("http://[::1]:81/", loopback=True).authority == "[::1]:81"


def answers(*addresses: str) -> Any:
    """A resolver that says these addresses of any name."""

    def getaddrinfo(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    return getaddrinfo


@pytest.mark.parametrize("hidden", ["127.0.0.1", "10.0.0.5", "169.254.169.254", "::ffff:10.0.0.5"])
def test_every_address_of_a_name_must_be_public(monkeypatch: pytest.MonkeyPatch, hidden: str) -> None:
    """One that is not spoils the name, wherever among the others it stands."""
    for found in ([hidden], ["8.8.8.8", hidden], [hidden, "8.8.8.8"]):
        monkeypatch.setattr(socket, "getaddrinfo", answers(*found))
        with pytest.raises(Unreachable, match="not public"):
            resolved(target("https://shop.example/", loopback=False), loopback=False)


@pytest.mark.parametrize("name", ["localhost", "2130706433", "0x7f.1", "127.1", "0177.0.0.1"])
def test_other_spellings_of_this_machine_are_refused(name: str) -> None:
    """Whatever the resolver makes of a name is looked at, not the name."""
    with pytest.raises((Unreachable, ValueError)):
        resolved(target(f"https://{name}/", loopback=False), loopback=False)


def test_a_name_is_resolved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was looked at is what is connected to: a name that says something else a moment later changes nothing."""
    with WebhookReceiver() as here:
        lookups: list[str] = []

        def rebinding(host: str, port: int, *_: Any, **more: Any) -> list[Any]:
            lookups.append(host)
            names = [each for each in lookups if each == "shop.example"]
            return list(answers("10.0.0.5" if len(names) > 1 else "127.0.0.1")(host, port, **more))

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        to = target(f"http://shop.example:{here.port}/x", loopback=True)
        assert post(to, b"{}", {}, loopback=True, within_seconds=5) == Reply(204, 0)
        assert lookups.count("shop.example") == 1
        (came,) = here.received
        assert (came.path, came.headers["Host"], came.body) == ("/x", f"shop.example:{here.port}", b"{}")


def test_a_redirect_is_an_answer() -> None:
    """Nothing follows it, wherever it leads."""
    with (
        WebhookReceiver() as inside,
        WebhookReceiver(lambda handler: handler.respond(302, {"Location": inside.url})) as here,
    ):
        reply = post(target(here.url, loopback=True), b"{}", {}, loopback=True, within_seconds=5)
        assert reply.status == 302
        assert inside.received == []


@pytest.mark.parametrize("behaviour", [hangs, drips])
def test_no_answer_in_time_is_the_end(behaviour: Any) -> None:
    """Whether nothing comes at all, or a byte now and then."""
    with WebhookReceiver(behaviour) as here:
        began = time.monotonic()
        with pytest.raises(Unreachable, match="no answer in time"):
            post(target(here.url, loopback=True), b"{}", {}, loopback=True, within_seconds=0.5)
        assert time.monotonic() - began < 20


def test_ten_gigabytes_are_not_read() -> None:
    """Of an answer only the head counts: the connection is closed behind it."""
    with WebhookReceiver(floods) as here:
        assert post(target(here.url, loopback=True), b"{}", {}, loopback=True, within_seconds=20).status == 200
        until(lambda: len(here.received), lambda seen: seen == 2)
        assert int(here.received[1].path.removeprefix("sent ")) < 64 * 2**20  # what the system's buffers took


def test_an_unreachable_address_gives_no_details() -> None:
    """Neither the address nor our libraries."""
    for url, reason in (("http://127.0.0.1:1/", "refused"), ("http://no-such-name.invalid/", "does not resolve")):
        with pytest.raises(Unreachable, match=reason) as failure:
            post(target(url, loopback=True), b"{}", {}, loopback=True, within_seconds=5)
        assert "127.0.0.1" not in str(failure.value)


def test_plain_http_where_tls_belongs_fails() -> None:
    """The certificate is checked against the name; here there is none at all."""
    with WebhookReceiver() as here:
        to = target(f"https://127.0.0.1:{here.port}/", loopback=True)
        with pytest.raises(Unreachable, match="TLS"):
            post(to, b"{}", {}, loopback=True, within_seconds=5)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("", 0), ("7", 7), ("-1", 0), ("x", 0), ("9" * 50, 999_999_999), ("Mon, 01 Jan 2001 00:00:00 GMT", 0)],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: int) -> None:
    """Anything else says nothing."""
    assert outward._seconds(text) == seconds
