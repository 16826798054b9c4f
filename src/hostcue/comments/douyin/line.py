"""One WebSocket to a Douyin push server."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from hostcue.errors import AuthRequired, ConfigError, SignatureRefused, TransportFailed

_MAX_FRAME_BYTES = 16 * 2**20
_SEND_S = 5.0
_CLOSE_S = 1.0  # the server does not answer close frames
_ORIGIN = Origin("https://live.douyin.com")

# At DEBUG the library writes whole handshakes, cookie and signature included.
_library_log = logging.getLogger(f"{__name__}.websockets")
_library_log.setLevel(logging.WARNING)


class Line:
    """An open connection; every failure of it is a `TransportFailed`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def receive(self) -> bytes:
        """The next frame; waits as long as it takes, so give it a deadline."""
        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed as exc:
            code = exc.rcvd.code if exc.rcvd else "none"
            raise TransportFailed(f"Douyin closed the comment connection (code {code})") from None

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


async def open_line(
    url: str,
    *,
    headers: Mapping[str, str],
    user_agent: str,
    proxy: str | None,
    timeout_s: float,
) -> Line:
    """Open the connection; no text it raises or logs holds the URL or a header.

    Raises:
        SignatureRefused: the server does not take what we are, or how we sign.
        AuthRequired: only a logged-in cookie helps.
        TransportFailed: anything else.
        ConfigError: the proxy in the settings cannot be used.
    """
    try:
        socket = await connect(
            url,
            origin=_ORIGIN,
            additional_headers=headers,
            user_agent_header=user_agent,
            proxy=proxy,
            compression=None,
            open_timeout=timeout_s,
            ping_interval=None,  # the server does not answer a client's pings
            close_timeout=_CLOSE_S,
            max_size=_MAX_FRAME_BYTES,
            logger=_library_log,
        )
    except InvalidStatus as exc:
        raise _refusal(exc) from None
    except (websockets.InvalidProxy, ImportError):
        raise ConfigError(
            "the comment connection cannot use this proxy",
            field="HTTPS_PROXY",
            remedy="name an http:// proxy, or install python-socks for a SOCKS one",
        ) from None
    except (WebSocketException, OSError) as exc:
        raise TransportFailed(
            f"no connection to Douyin's comment server ({type(exc).__name__})"
        ) from None
    return Line(socket)


def _refusal(exc: InvalidStatus) -> SignatureRefused | AuthRequired | TransportFailed:
    status = exc.response.status_code
    if status == 200 or "handshake-msg" in exc.response.headers:
        # A refused device or signature is answered as a plain page, not by a status.
        return SignatureRefused(
            "Douyin refused the comment connection: device or signature not accepted",
            remedy="wait some minutes, set DOUYIN_COOKIE, or update hostcue: "
            "the platform changes its signature once or twice a year",
        )
    if status in {401, 403}:
        return AuthRequired(
            "Douyin wants a login for these comments", remedy="set DOUYIN_COOKIE to a login cookie"
        )
    return TransportFailed(f"Douyin's comment server answered with status {status}")
