"""A TCP proxy that can stall: it then passes no bytes and closes nothing, as a server that hangs."""

import asyncio
import threading
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

CHUNK_BYTES: Final = 1 << 16


class StallProxy:
    """A TCP proxy in front of a server on this machine, with an event loop of its own."""

    def __init__(self, port: int, only: bytes = b"") -> None:
        """
        port: the server's.
        only: stalls only connections that have carried these bytes, such as a database's name.
        """
        self._server_port = port
        self._only = only
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stall-proxy", daemon=True)
        self._opened = asyncio.Event()
        self._opened.set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._carry, "127.0.0.1", 0), self._loop
        ).result(10)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def stall(self) -> None:
        """Pass nothing from now on; neither end is notified."""
        self._loop.call_soon_threadsafe(self._opened.clear)

    def resume(self) -> None:
        """Pass what was held back, and all that follows."""
        self._loop.call_soon_threadsafe(self._opened.set)

    async def _end(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        with suppress(OSError, asyncio.CancelledError):
            away, back = await asyncio.open_connection("127.0.0.1", self._server_port)
            pipe = _Pipe(hangs=not self._only)
            await asyncio.gather(self._pass(reader, back, pipe), self._pass(away, writer, pipe))
        writer.close()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, pipe: "_Pipe") -> None:
        try:
            while data := await source.read(CHUNK_BYTES):
                pipe.hangs = pipe.hangs or self._only in data
                if pipe.hangs:
                    await self._opened.wait()
                target.write(data)
                await target.drain()
        finally:
            target.close()


@dataclass
class _Pipe:
    """One connection, and whether it hangs while the proxy stalls."""

    hangs: bool
