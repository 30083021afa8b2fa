"""Serve the shop, a page on which to buy; on the local stack only."""

from functions.platform.ports import PagesWork
from shared.contracts.operations import File, Request


class ReadShop(Request):
    """No parameters."""


def read_shop(request: ReadShop, work: PagesWork) -> File:
    """The page; it loads nothing from other sites."""
    return work.page("shop")
