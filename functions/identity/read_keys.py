"""Publish the keys with which anybody can verify our tokens (RFC 7517)."""

from functions.identity.ports import IdentityWork
from functions.identity.views import KeysView


def read_keys(work: IdentityWork) -> KeysView:
    """The public keys: those whose tokens may still be valid, and the next one. Raises Unavailable."""
    return KeysView(keys=work.keys.published(work.now()))
