"""The reader of EIP-4361 messages: all that the EIP allows, and nothing else."""

import re
import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from functions.identity.domain.siwe import URI, Message, parse, render
from shared.chain.ethereum import checksum_address
from shared.errors import Malformed

ADDRESS = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"

PLAIN = f"""example.com wants you to sign in with your Ethereum account:
{ADDRESS}

I accept the ExampleOrg Terms of Service: https://example.com/tos

URI: https://example.com/login
Version: 1
Chain ID: 1
Nonce: 32891756
Issued At: 2021-09-30T16:25:24Z
Resources:
- ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/
- https://example.com/my-web2-claim.json"""
"""The EIP's own example; two more of its examples differ in the first line."""

FULL = f"""https://example.com:3388 wants you to sign in with your Ethereum account:
{ADDRESS}


URI: https://example.com/login?a=b#c
Version: 1
Chain ID: 31337
Nonce: 32891756abcXYZ
Issued At: 2021-09-30T16:25:24.123Z
Expiration Time: 2021-09-30T18:25:24+02:00
Not Before: 2021-09-30T16:00:00-00:30
Request ID: a%20b/c"""


def read(text: str) -> Message:
    return parse(text, checksum_address)


def refused(text: str) -> bool:
    """Whether a text is malformed, in a way that names the message."""
    try:
        read(text)
    except Malformed as error:
        assert error.errors[0]["field"] == "message"
        return True
    return False


def test_the_examples_of_the_eip() -> None:
    """Each is read, part by part."""
    assert read(PLAIN) == Message(
        domain="example.com",
        address=ADDRESS,
        statement="I accept the ExampleOrg Terms of Service: https://example.com/tos",
        uri="https://example.com/login",
        chain_id=1,
        nonce="32891756",
        issued_at=datetime(2021, 9, 30, 16, 25, 24, tzinfo=UTC),
        resources=(
            "ipfs://bafybeiemxf5abjwjbikoz4mc3a3dla6ual3jsgpdr4cjr3oz3evfyavhwq/",
            "https://example.com/my-web2-claim.json",
        ),
    )
    assert read(PLAIN.replace("example.com wants", "example.com:3388 wants")).domain == "example.com:3388"
    assert read("https://" + PLAIN).scheme == "https"
    assert render(read(PLAIN)) == PLAIN


def test_every_optional_part() -> None:
    """A message without a statement, and with all that may follow Issued At but resources."""
    message = read(FULL.replace("Request ID: a%20b/c", "Request ID: a%20b:c"))
    assert (message.scheme, message.domain, message.statement) == ("https", "example.com:3388", None)
    assert message.issued_at == datetime(2021, 9, 30, 16, 25, 24, 123_000, tzinfo=UTC)
    assert message.expiration_time == datetime(2021, 9, 30, 16, 25, 24, tzinfo=UTC)
    assert message.not_before == datetime(2021, 9, 30, 16, 30, tzinfo=UTC)
    assert (message.request_id, message.resources) == ("a%20b:c", None)
    assert refused(FULL), "a slash is no pchar, of which a request id consists"


@pytest.mark.parametrize(
    ("change", "value"),
    [
        (("I accept the ExampleOrg Terms of Service: https://example.com/tos", ""), "an empty statement"),
        (("Chain ID: 1", "Chain ID: 0001"), "leading zeros of a chain id"),
        (("\nResources:\n- ipfs", "\nRequest ID: \nResources:\n- ipfs"), "an empty request id"),
        (("T16:25:24Z", "t16:25:24z"), "T and Z in lower case, which RFC 3339 allows"),
        (("T16:25:24Z", "T16:25:24.1234567891Z"), "a fraction of any length"),
        (("09-30T16:25:24Z", "06-30T23:59:60Z"), "a leap second"),
        (("2021-09-30T16:25:24Z", "9999-12-31T23:59:59-23:59"), "the end of time"),
        (("example.com wants", "[::1]:8080 wants"), "an IPv6 literal"),
        (("example.com wants", "[2001:db8::192.0.2.1] wants"), "an IPv6 literal with an IPv4 end"),
        (("example.com wants", "user:x@127.0.0.1:80 wants"), "user information, and an IPv4 address"),
        (("https://example.com/login", "urn:isbn:0451450523"), "a URI without authority"),
        (("https://example.com/login", "did:pkh:eip155:1:0xabc"), "a DID"),
    ],
)
def test_what_the_grammar_allows(change: tuple[str, str], value: str) -> None:
    """Unusual, but conforming."""
    assert change[0] in PLAIN
    assert read(PLAIN.replace(*change)), value


NOT_ALLOWED = [
    ("example.com wants", " wants"),
    ("example.com wants", "https:// wants"),
    ("example.com wants", "1https://example.com wants"),
    ("example.com wants", "https://example.com/path wants"),
    ("example.com wants", "exämple.com wants"),
    ("example.com wants", "exam ple.com wants"),
    ("example.com wants", "example.com:port wants"),
    ("example.com wants", "[::1 wants"),
    ("example.com wants", "[1::2::3] wants"),
    ("example.com wants", "[1:2:3:4:5:6:7:8:9] wants"),
    ("wants you to sign in", "Wants you to sign in"),
    ("account:\n", "account: \n"),
    ("account:\n", "account:\n\n"),
    (ADDRESS, ADDRESS.lower()),
    (ADDRESS, ADDRESS.upper()),
    (ADDRESS, ADDRESS[:-1]),
    (ADDRESS, ADDRESS + "0"),
    (ADDRESS, ADDRESS[2:]),
    (ADDRESS, ADDRESS.replace("0xC", "0xc")),
    (ADDRESS, f" {ADDRESS}"),
    ("\n\nI accept", "\nI accept"),
    ("tos\n\nURI", "tos\nURI"),
    ("I accept", "I\naccept"),
    ("I accept", "I\raccept"),
    ("I accept", 'I "accept"'),
    ("I accept", "I accépt"),
    ("I accept", "I\taccept"),
    ("I accept", "I\x00accept"),
    ("I accept", "I\u2028accept"),
    ("I accept", "100% accept"),
    ("URI: https", "URI:https"),
    ("URI: https", "uri: https"),
    ("URI: https://example.com/login\n", ""),
    ("https://example.com/login", "example.com/login"),
    ("https://example.com/login", "https://example.com/lo gin"),
    ("https://example.com/login", "https://example.com/%zz"),
    ("https://example.com/login", "https://example.com/a#b#c"),
    ("https://example.com/login", ""),
    ("Version: 1", "Version: 2"),
    ("Version: 1", "Version: 1.0"),
    ("Version: 1", "Version: 01"),
    ("Version: 1\nChain ID: 1", "Chain ID: 1\nVersion: 1"),
    ("Chain ID: 1", "Chain ID: "),
    ("Chain ID: 1", "Chain ID: -1"),
    ("Chain ID: 1", "Chain ID: 0x1"),
    ("Chain ID: 1", "Chain ID: \u0661"),
    ("Chain ID: 1", "Chain ID: " + "9" * 79),
    ("Nonce: 32891756", "Nonce: 3289175"),
    ("Nonce: 32891756", "Nonce: 32891756-"),
    ("Nonce: 32891756", "Nonce: 3289175\u0666"),
    ("Nonce: 32891756", "Nonce:  32891756"),
    ("Z\nRes", "\nRes"),
    ("T16", " 16"),
    ("2021-09-30T", "2021-02-30T"),
    ("2021-09-30T", "0000-09-30T"),
    ("2021-09-30T", "21-09-30T"),
    ("2021-09-30T", "20210930T"),
    ("2021-09-30T", "2021-W39-4T"),
    ("16:25:24Z", "24:00:00Z"),
    ("16:25:24Z", "16:25:61Z"),
    ("16:25:24Z", "16:25:60Z"),
    ("16:25:24Z", "23:59:60+01:00"),
    ("16:25:24Z", "16:25Z"),
    ("16:25:24Z", "16:25:24.Z"),
    ("16:25:24Z", "16:25:24,5Z"),
    ("16:25:24Z", "16:25:24+24:00"),
    ("16:25:24Z", "16:25:24+0100"),
    ("16:25:24Z", "16:25:24+01"),
    ("16:25:24Z", "16:25:24Z "),
    ("\nResources:", "\nNot Before: 2021-09-30T16:25:24Z\nExpiration Time: 2021-09-30T16:25:24Z\nResources:"),
    ("\nResources:", "\nExpiration Time: tomorrow\nResources:"),
    ("\nResources:", "\nRequest ID: a b\nResources:"),
    ("\nResources:", "\nRequest ID: a\nRequest ID: b\nResources:"),
    ("\nResources:", "\nUnknown: x\nResources:"),
    ("\nResources:", "\n\nResources:"),
    ("Resources:\n", "Resources: \n"),
    ("\n- https", "\n-https"),
    ("\n- https", "\n* https"),
    ("\n- https", "\n\n- https"),
    ("claim.json", "claim.json\n"),
    ("claim.json", "claim.json "),
    ("claim.json", "claim.json\n- "),
    ("claim.json", "claim.json\nRequest ID: x"),
    ("claim.json", "claim.json\x00"),
]


def test_what_the_grammar_does_not_allow() -> None:
    """Malformed: whatever is missing, out of order, misspelt, repeated or left over."""
    assert [old for old, _ in NOT_ALLOWED if old not in PLAIN] == []
    assert [(old, new) for old, new in NOT_ALLOWED if not refused(PLAIN.replace(old, new, 1))] == []


def test_line_ends_are_line_feeds() -> None:
    """Carriage returns are refused everywhere."""
    assert refused(PLAIN.replace("\n", "\r\n"))


def test_a_message_has_a_bounded_length() -> None:
    """What is longer than 8,192 characters is refused."""
    room = 8192 - len(PLAIN)
    assert read(PLAIN + "a" * room)
    assert refused(PLAIN + "a" * (room + 1))


@pytest.mark.parametrize(
    "text",
    [
        "a" * 8000,
        "a:" * 4000,
        "%41" * 2700,
        PLAIN + "\n- a:" + "/a" * 3600 + "\n",
        PLAIN.replace("32891756", "a" * 7000 + "!"),
        PLAIN.replace("Chain ID: 1", "Chain ID: " + "0" * 7000 + "x"),
        PLAIN.replace("example.com/login", "a@" * 3500 + " "),
        PLAIN.replace("example.com/login", "[" + "1:" * 3500),
    ],
)
def test_reading_takes_linear_time(text: str) -> None:
    """No text makes the reader backtrack: it takes far less of the processor's time than a quadratic one would."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        assert refused(text)
        taken.append(time.process_time() - began)
    assert min(taken) < 0.05


UNRESERVED = "abcXYZ019-._~"
RESERVED = ":/?#[]@!$&'()*+,;="

labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hosts = st.one_of(
    st.lists(labels, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]"),
)
authorities = st.builds(
    lambda user, host, port: f"{user}{host}{port}",
    st.sampled_from(["", "user@", "a:b%20@"]),
    hosts,
    st.one_of(st.just(""), st.integers(0, 65535).map(lambda port: f":{port}")),
)
schemes = st.from_regex(r"[A-Za-z][A-Za-z0-9+.-]{0,8}", fullmatch=True)
segments = st.text(f"{UNRESERVED}!$&'()*+,;=:@", max_size=8)
uris = st.one_of(
    st.builds(
        lambda scheme, authority, path, query, fragment: f"{scheme}://{authority}{path}{query}{fragment}",
        schemes,
        authorities,
        st.lists(segments, max_size=3).map(lambda parts: "".join(f"/{part}" for part in parts)),
        st.one_of(st.just(""), segments.map(lambda text: f"?{text}/?")),
        st.one_of(st.just(""), segments.map(lambda text: f"#{text}")),
    ),
    st.builds(lambda scheme, rest: f"{scheme}:{rest}", schemes, segments),
)
moments = st.datetimes(
    datetime(1000, 1, 1),
    datetime(9998, 1, 1),
    timezones=st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes))),
)
messages = st.builds(
    Message,
    scheme=st.none() | schemes,
    domain=authorities,
    address=st.binary(min_size=20, max_size=20).map(lambda raw: checksum_address(f"0x{raw.hex()}")),
    statement=st.none() | st.text(f"{UNRESERVED}{RESERVED} ", max_size=60),
    uri=uris,
    chain_id=st.integers(0, 2**256 - 1),
    nonce=st.from_regex(r"[A-Za-z0-9]{8,60}", fullmatch=True),
    issued_at=moments,
    expiration_time=st.none() | moments,
    not_before=st.none() | moments,
    request_id=st.none() | segments,
    resources=st.none() | st.lists(uris, max_size=4).map(tuple),
)


@given(messages)
def test_what_is_written_is_read_back(message: Message) -> None:
    """Every message survives being written and read."""
    assert read(render(message)) == message


@given(messages, st.data())
def test_a_changed_message_is_refused_or_means_what_it_says(message: Message, data: st.DataObject) -> None:
    """One character deleted, replaced or inserted: the text is malformed, or it is read as another message that is
    written as that text again, times and zeros before a chain id aside."""
    text = render(message)
    at = data.draw(st.integers(0, len(text) - 1))
    put = data.draw(st.sampled_from(["", *"\n\r\t :/-0aZ%\x00é"]))
    cut = data.draw(st.integers(0, 1))
    changed = text[:at] + put + text[at + cut :]
    if not refused(changed):
        stable = re.compile(r"^(Issued At|Expiration Time|Not Before|Chain ID): .*$", re.MULTILINE)
        assert stable.sub("", render(read(changed))) == stable.sub("", changed)


@given(st.text())
@example("\n".join([""] * 30))
def test_any_text_is_answered(text: str) -> None:
    """No text makes the reader fail in any other way than by refusing it."""
    refused(text)


URIS = [
    ("ftp://ftp.is.co.za/rfc/rfc1808.txt", True),
    ("ldap://[2001:db8::7]/c=GB?objectClass?one", True),
    ("mailto:John.Doe@example.com", True),
    ("news:comp.infosystems.www.servers.unix", True),
    ("tel:+1-816-555-1212", True),
    ("telnet://192.0.2.16:80/", True),
    ("urn:oasis:names:specification:docbook:dtd:xml:4.1.2", True),
    ("http:", True),
    ("http://", True),
    ("http:///path", True),
    ("a:/", True),
    ("a:/b//c", True),
    ("http://[v1.fe80::a+en1]/", True),
    ("//example.com", False),
    ("path/only", False),
    ("http://[::ffff:999.1.1.1]/", False),
    ("http://a b/", False),
    ("http://a/%4", False),
    ("http://a/[", False),
    (":a", False),
    ("", False),
]


def test_uris_of_rfc_3986(subtests: pytest.Subtests) -> None:
    """The examples of RFC 3986, section 1.1.2, and what its grammar leaves out."""
    for text, conforms in URIS:
        with subtests.test(text=text):
            assert bool(URI.fullmatch(text)) is conforms
