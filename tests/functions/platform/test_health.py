"""Whether the process is alive."""

import httpx

from tests.problems import refused


def test_it_is_public(edge: httpx.Client) -> None:
    """Anyone may ask, with a wrong token too; the answer is for the moment only."""
    for headers in ({}, {"Authorization": "Bearer nonsense"}):
        response = edge.get("/health", headers=headers)
        assert (response.status_code, response.json()) == (200, {"status": "ok"})
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Request-Id"]
        assert response.headers["X-Served-By"] == "us-central1"


def test_it_takes_nothing(edge: httpx.Client) -> None:
    """A parameter is refused, as on any route; so is another method."""
    refused(edge.get("/health?deep=1"), 400, "VALIDATION_FAILED", "deep")
    response = edge.post("/health")
    refused(response, 405, "METHOD_NOT_ALLOWED")
    assert response.headers["Allow"] == "GET, HEAD"
