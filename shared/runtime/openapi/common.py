"""The parameters and headers that many operations share."""

from typing import Any, Final

KEY: Final[dict[str, Any]] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new one for each thing to do, the same for each retry of it: 16 to 255 printable ASCII "
    "characters without a comma, such as a UUID. A repeat gets the first answer, for a day.",
    "schema": {
        "type": "string",
        "minLength": 16,
        "maxLength": 255,
        "pattern": r"^[!-+\--~]+$",
        "examples": ["5f0b8c1e-3d7a-4b53-9a0f-1c2d3e4f5a6b"],
    },
}
IF_MATCH: Final[dict[str, Any]] = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The ETag of the version to change, as it was received, or `*` for any.",
    "schema": {"type": "string", "examples": ['"1"']},
}
IF_NONE_MATCH: Final[dict[str, Any]] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "Known ETags: the answer is 304 if one of them is current.",
    "schema": {"type": "string", "examples": ['"1"']},
}
CONSISTENCY: Final[dict[str, Any]] = {
    "name": "consistency",
    "in": "query",
    "description": "`eventual` may be read from a replica; X-Consistency says by how much it may lag.",
    "schema": {"type": "string", "enum": ["strong", "eventual"], "default": "strong"},
}
HEADERS: Final = {
    "X-Request-Id": {
        "required": True,
        "description": "The caller's, or a generated one.",
        "schema": {"type": "string"},
    },
    "X-Served-By": {"required": True, "description": "The region that answered.", "schema": {"type": "string"}},
    "X-Consistency": {
        "description": "How this was read, if `consistency` was given; from a replica, by how many seconds it may lag.",
        "schema": {"type": "string", "pattern": r"^strong$|^eventual; lag=[0-9]+\.[0-9]{3}$"},
    },
    "Idempotent-Replayed": {
        "description": "This is the response to an earlier request with the same key.",
        "schema": {"const": "true"},
    },
    "ETag": {
        "description": "Names this version of the resource. It is opaque: keep it and send it back as it is.",
        "schema": {"type": "string", "pattern": '^".+"$'},
    },
    "RateLimit-Policy": {
        "description": "The quotas of the user, the Ethereum address, the network address: q requests in w seconds.",
        "schema": {"type": "string", "examples": ['"ip";q=5000;w=3, "user";q=500;w=3']},
    },
    "RateLimit": {
        "description": "The remaining requests of each quota (r), and in how many seconds it is full again (t).",
        "schema": {"type": "string", "examples": ['"ip";r=4999;t=1, "user";r=499;t=1']},
    },
    "Deprecation": {
        "description": "Since when this route is deprecated, in Unix time (RFC 9745).",
        "schema": {"type": "string", "pattern": "^@[0-9]+$", "examples": ["@1795392000"]},
    },
    "Sunset": {
        "description": "From when on this route may be removed (RFC 8594).",
        "schema": {"type": "string", "examples": ["Thu, 23 Nov 2028 00:00:00 GMT"]},
    },
    "Link": {"description": "The route that replaces it (RFC 8288).", "schema": {"type": "string"}},
    "Retry-After": {"description": "The seconds to wait before a retry.", "schema": {"type": "integer", "minimum": 0}},
    "WWW-Authenticate": {
        "description": "What to send, and what is wrong with what was sent (RFC 6750).",
        "schema": {"type": "string", "examples": ['Bearer error="invalid_token"']},
    },
}
