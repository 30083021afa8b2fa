"""What Google's ID tokens have in common, whoever checks them: this process, or Cloud Run before it."""

from typing import Final

ISSUERS: Final = frozenset({"accounts.google.com", "https://accounts.google.com"})

SKEW_SECONDS: Final = 10
"""How far Google's clock may be from ours."""

SIGNATURE_REMOVED: Final = "SIGNATURE_REMOVED_BY_GOOGLE"
"""Replaces the signature in a token that Cloud Run has verified, where a service has its invoker check on.

(https://cloud.google.com/run/docs/troubleshooting#signature-removed)
"""
