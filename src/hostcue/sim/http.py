"""Serving a web app on a free loopback port for as long as a context lasts."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import anyio
import uvicorn

if TYPE_CHECKING:
    from fastapi import FastAPI


class _Server(uvicorn.Server):
    """A server inside somebody else's process: signals are theirs, and it ends when told to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.stopping = anyio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def main_loop(self) -> None:
        await self.stopping.wait()  # instead of looking ten times a second


@asynccontextmanager
async def serve_app(app: FastAPI) -> AsyncIterator[str]:
    """Serve `app` on loopback; yields the base URL, which takes connections at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            date_header=False,
            lifespan="off",
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)

        async def run() -> None:
            # Cancelled in the middle, uvicorn leaves its sockets open: it is asked to end instead.
            with anyio.CancelScope(shield=True):
                await server.serve([listener])

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.stopping.set()
