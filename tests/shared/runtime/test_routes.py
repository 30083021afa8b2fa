"""A path and a method match one row, or give the allowed methods."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.registry import load
from shared.runtime.routes import Router, pattern

ROWS = load().http_rows()
ROUTER = Router(ROWS)
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", ""]


def test_every_row_is_found(subtests: pytest.Subtests) -> None:
    """Its path, with any parameters, leads to it and to no other."""
    for row in ROWS:
        with subtests.test(row=row.name):
            path = row.path
            for name in row.parameters:
                path = path.replace(f"{{{name}}}", f"a value of {name}, with % and ü")
            assert ROUTER.match(row.method, path) is row
            assert row.method in ROUTER.allowed(path)
            matched = pattern(row).fullmatch(path)
            assert matched is not None
            assert matched.groupdict() == {name: f"a value of {name}, with % and ü" for name in row.parameters}


NO_PATHS = [
    "",
    "//",
    "/v1",
    "/v1/orders/",
    "//v1/orders",
    "/v1//orders",
    "/v1/orders/a/b",
    "/v1/orders//cancel",
    "/v1/orders/a/cancel/",
    "/V1/orders",
    "/v1/Orders",
    "/v1/orders\n",
    "/v1/orders?limit=1",
    "/v1/orders/{order_id}/nothing",
    "/healthz",
    "/.well-known/jwks,json",
    "/.well-known/jwksXjson",
]


def test_what_is_no_path_is_nobodys(subtests: pytest.Subtests) -> None:
    """A path matches wholly or not at all; a dot in a template is a dot."""
    for path in NO_PATHS:
        with subtests.test(path=path):
            assert ROUTER.allowed(path) == []
            assert all(ROUTER.match(method, path) is None for method in METHODS)


def test_a_parameter_is_one_segment() -> None:
    """It may be anything but empty, and never reaches beyond a slash."""
    order = ROUTER.match("GET", "/v1/orders/..%2F..")
    assert order is not None
    assert order.name == "get_order"
    assert ROUTER.match("GET", "/v1/orders/a/b") is None


def test_what_a_path_allows() -> None:
    """HEAD comes with GET; nothing else is made up."""
    assert ROUTER.allowed("/v1/orders") == ["GET", "HEAD", "POST"]
    assert ROUTER.allowed("/v1/orders/x/cancel") == ["POST"]
    assert ROUTER.match("HEAD", "/v1/orders/x") is ROUTER.match("GET", "/v1/orders/x")
    assert ROUTER.match("HEAD", "/v1/orders/x/cancel") is None
    assert ROUTER.match("get", "/v1/orders") is None


@given(st.sampled_from(METHODS), st.text(st.sampled_from("/v1ordeswalt{}.x_%-"), max_size=30))
def test_a_match_is_allowed(method: str, path: str) -> None:
    """Whatever is found is among what the path allows, and what is allowed is found."""
    found = ROUTER.match(method, path)
    assert (found is not None) == (method in ROUTER.allowed(path))
