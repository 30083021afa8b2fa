"""Publish the keys with which anyone can check our tokens (RFC 7517)."""

from functions.identity.ports import IdentityWork
from functions.identity.views import KeysView


def read_keys(work: IdentityWork) -> KeysView:
    """The public keys."""
    return KeysView(keys=work.keys.published())
