"""What an edge refuses by itself, before any function: Envoy on the local stack (emulators/stack/parts/problems.py)."""

from shared.errors import MeridianError


class EdgeRefusal(MeridianError):
    """The edge refuses the request."""


class MalformedHttp(EdgeRefusal):
    """The request is not valid HTTP."""

    code = "MALFORMED_REQUEST"
    cure = "Send valid HTTP; a client library does."


class UpgradeRefused(EdgeRefusal):
    """The connection cannot be upgraded."""

    code = "UPGRADE_REFUSED"
    cure = "Send plain requests; there are no WebSockets."


class RequestTimeout(EdgeRefusal):
    """The request did not arrive in time."""

    code = "REQUEST_TIMEOUT"
    cure = "Send it again, all of it at once."


class UpgradeRequired(EdgeRefusal):
    """Another version of HTTP is needed."""

    code = "UPGRADE_REQUIRED"
    cure = "Speak HTTP/1.1 or HTTP/2."


class HeadersTooLarge(EdgeRefusal):
    """The headers are larger than 60 KiB."""

    code = "HEADERS_TOO_LARGE"
    cure = "Send fewer or shorter headers."
