"""Lists as iterators: `iterate(shop.list_orders, status="paid")` asks for page after page."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import ParamSpec, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P = ParamSpec("P")


class Page(Protocol[T_co]):
    """What a list operation returns."""

    @property
    def items(self) -> Sequence[T_co]:
        """Some of the list."""

    @property
    def next_cursor(self) -> str | None:
        """Where the next page begins; None after the last."""


def iterate(listed: Callable[P, Page[T]], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
    """All items of a list, from `cursor` on if that is among the arguments.

    listed: a method of the client that takes a cursor; what follows are its arguments. Each page is asked for when it
    is needed. A feed (`list_activity`), which has no end, is iterated up to its newest item. Raises what `listed` does.
    """
    ask: Callable[..., Page[T]] = partial(listed, *args, **kwargs)
    at, page = kwargs.get("cursor"), ask()
    yield from page.items
    while page.next_cursor not in (None, at):
        at, page = page.next_cursor, ask(cursor=page.next_cursor)
        yield from page.items


async def aiterate(listed: Callable[P, Awaitable[Page[T]]], /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
    """As `iterate`, of the asynchronous client."""
    ask: Callable[..., Awaitable[Page[T]]] = partial(listed, *args, **kwargs)
    at, page = kwargs.get("cursor"), await ask()
    for item in page.items:
        yield item
    while page.next_cursor not in (None, at):
        at, page = page.next_cursor, await ask(cursor=page.next_cursor)
        for item in page.items:
            yield item
