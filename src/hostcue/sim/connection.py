"""One HTTP connection over a bare socket: read the request, answer, send.

The faults worth having (a reset, a silent line, an end in mid-tag) are below HTTP, so the
pretend media servers drive their sockets themselves.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus

import anyio

_MAX_REQUEST_BYTES = 16 * 1024


async def accept(
    listener: socket.socket, serve: Callable[[socket.socket], Awaitable[None]]
) -> None:
    """Serve every connection that comes, each in a task of its own, until cancelled."""

    async def handle(connection: socket.socket) -> None:
        connection.setblocking(False)
        with connection, suppress(anyio.BrokenResourceError):
            await serve(connection)

    async with anyio.create_task_group() as tasks:
        while True:
            await anyio.wait_readable(listener)
            try:
                connection, _ = listener.accept()
            except (BlockingIOError, ConnectionAbortedError):  # it went away again
                continue
            tasks.start_soon(handle, connection)


def answer(
    status: int,
    body: str | bytes = "",
    content_type: str = "text/plain",
    *,
    location: str | None = None,
) -> bytes:
    """A whole HTTP answer that ends the connection."""
    data = body.encode() if isinstance(body, str) else body
    lines = [
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(data)}",
        "Connection: close",
        *([f"Location: {location}"] if location else []),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + data


async def read_request(connection: socket.socket) -> tuple[str, str, dict[str, str]]:
    """Method, target and headers (names in lower case).

    Raises:
        BrokenResourceError: the other side is gone, or sends no request.
    """
    received = b""
    while b"\r\n\r\n" not in received:
        received += await receive(connection)
        if len(received) > _MAX_REQUEST_BYTES:
            raise anyio.BrokenResourceError
    first, *lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    method, target, *_ = (*first.split(" "), "")
    fields = (line.partition(":") for line in lines)
    return method, target, {name.lower(): value.strip() for name, _, value in fields}


async def receive(connection: socket.socket) -> bytes:
    """What came, never nothing.

    Raises:
        BrokenResourceError: the other side is gone.
    """
    while True:
        try:
            received = connection.recv(4096)
        except BlockingIOError:
            await anyio.wait_readable(connection)
        except OSError:
            raise anyio.BrokenResourceError from None
        else:
            if not received:
                raise anyio.BrokenResourceError
            return received


async def send(connection: socket.socket, data: bytes) -> None:
    """Send all of it.

    Raises:
        BrokenResourceError: the other side is gone.
    """
    left = memoryview(data)
    while left:
        try:
            left = left[connection.send(left) :]
        except BlockingIOError:
            await anyio.wait_writable(connection)
        except OSError:
            raise anyio.BrokenResourceError from None
