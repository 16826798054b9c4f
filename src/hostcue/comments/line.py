"""One WebSocket to a platform's comment server."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

import anyio
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from hostcue.errors import ConfigError, HostcueError, TransportFailed

_MAX_FRAME_BYTES = 16 * 2**20
_SEND_S = 5.0
_CLOSE_S = 1.0  # Douyin's server does not answer close frames

# At DEBUG the library writes whole handshakes and frames: cookie, signature and key included.
_library_log = logging.getLogger(f"{__name__}.websockets")
_library_log.setLevel(logging.WARNING)


class Line:
    """An open connection; every failure of it is a `TransportFailed` that names the platform."""

    def __init__(self, socket: ClientConnection, platform: str) -> None:
        self._socket = socket
        self._platform = platform

    async def receive(self) -> bytes:
        """The next frame; waits as long as it takes, so give it a deadline."""
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as exc:
            code = exc.rcvd.code if exc.rcvd else "none"
            raise TransportFailed(
                f"{self._platform} closed the comment connection (code {code})"
            ) from None

    async def send(self, frame: bytes) -> None:
        """Send one binary frame."""
        try:
            with anyio.fail_after(_SEND_S):
                await self._socket.send(frame)
        except (ConnectionClosed, TimeoutError):
            raise TransportFailed("the comment connection takes no more data") from None

    async def close(self) -> None:
        """Close within a second or two, whether or not the server takes part."""
        with anyio.CancelScope(shield=True), anyio.move_on_after(2 * _CLOSE_S):
            await self._socket.close()


async def connect_line(
    url: str,
    *,
    platform: str,
    origin: str,
    headers: Mapping[str, str],
    user_agent: str,
    proxy: str | None,
    timeout_s: float | None,
    refusal: Callable[[int, Mapping[str, str]], HostcueError],
) -> Line:
    """Open the connection; no text it raises or logs holds the URL or a header.

    Args:
        url: where to; signed or not.
        platform: its name, for people.
        origin: the page that we say we are.
        headers: further ones, such as `Cookie`.
        user_agent: the browser that we say we are.
        proxy: to go through; None goes directly.
        timeout_s: for the handshake; None where the caller has a deadline.
        refusal: the error that a status other than 101 stands for, with the answer's headers.

    Raises:
        HostcueError: what `refusal` made of the answer.
        TransportFailed: no connection.
        ConfigError: the proxy in the settings cannot be used.
    """
    try:
        socket = await connect(
            url,
            origin=Origin(origin),
            additional_headers=headers,
            user_agent_header=user_agent,
            proxy=proxy,
            compression=None,
            open_timeout=timeout_s,
            ping_interval=None,  # servers do not answer pings, or want beats of their own
            close_timeout=_CLOSE_S,
            max_size=_MAX_FRAME_BYTES,
            logger=_library_log,
        )
    except InvalidStatus as exc:
        raise refusal(exc.response.status_code, exc.response.headers) from None
    except (websockets.InvalidProxy, ImportError):
        raise ConfigError(
            "the comment connection cannot use this proxy",
            field="HTTPS_PROXY",
            remedy="name an http:// proxy, or install python-socks for a SOCKS one",
        ) from None
    except (WebSocketException, OSError) as exc:
        raise TransportFailed(
            f"no connection to {platform}'s comment server ({type(exc).__name__})"
        ) from None
    return Line(socket, platform)
