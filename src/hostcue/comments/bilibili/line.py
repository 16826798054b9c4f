"""One WebSocket to a comment server of Bilibili's, admitted."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import anyio
import websockets
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException
from websockets.typing import Origin

from hostcue.comments.bilibili.packets import Operation, auth, unpack
from hostcue.errors import AuthRequired, ConfigError, TransportFailed
from hostcue.platforms.bilibili import node
from hostcue.platforms.bilibili.web import BLOCKED_REMEDY, SITE, USER_AGENT

_MAX_FRAME_BYTES = 16 * 2**20
_SEND_S = 5.0
_CLOSE_S = 1.0

# At DEBUG the library writes whole handshakes and frames, cookie and key included.
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
            raise TransportFailed(f"Bilibili closed the comment connection (code {code})") from None

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

    async def admit(self, fields: Mapping[str, object]) -> None:
        """Say who we are, and wait for the word that this is accepted.

        Raises:
            AuthRequired: the key is not, or not any more.
            TransportFailed: no word, or the line broke.
            UpstreamChanged: another word than we know.
        """
        await self.send(auth(fields))
        packets = unpack(await self.receive())
        reply = next((p for p in packets if p.operation == Operation.AUTH_REPLY), None)
        code = node.read(reply.body)["code"].value if reply else None
        if code != 0:
            raise AuthRequired("Bilibili did not admit us to the comments", remedy=BLOCKED_REMEDY)


async def open_line(
    server: str,
    fields: Mapping[str, object],
    *,
    cookie: str,
    proxy: str | None,
    timeout_s: float,
) -> Line:
    """Connect and be admitted, within `timeout_s`; no text it raises or logs holds a secret.

    Raises:
        AuthRequired: the key in `fields` is not accepted.
        UpstreamChanged: the server speaks another language.
        TransportFailed: anything else.
        ConfigError: the proxy in the settings cannot be used.
    """
    try:
        with anyio.fail_after(timeout_s):
            line = Line(await _connected(server, cookie, proxy))
            try:
                await line.admit(fields)
            except BaseException:
                await line.close()
                raise
            return line
    except TimeoutError:
        raise TransportFailed(
            f"Bilibili's comment server does not answer within {timeout_s:g} s"
        ) from None


async def _connected(server: str, cookie: str, proxy: str | None) -> ClientConnection:
    try:
        return await connect(
            f"{server}/sub",
            origin=Origin(SITE),
            additional_headers={"Cookie": cookie} if cookie else {},
            user_agent_header=USER_AGENT,
            proxy=proxy,
            compression=None,
            open_timeout=None,
            ping_interval=None,  # heartbeats are the protocol's own
            close_timeout=_CLOSE_S,
            max_size=_MAX_FRAME_BYTES,
            logger=_library_log,
        )
    except InvalidStatus as exc:
        status = exc.response.status_code
        raise TransportFailed(f"Bilibili's comment server answered with status {status}") from None
    except (websockets.InvalidProxy, ImportError):
        raise ConfigError(
            "the comment connection cannot use this proxy",
            field="HTTPS_PROXY",
            remedy="name an http:// proxy, or install python-socks for a SOCKS one",
        ) from None
    except (WebSocketException, OSError) as exc:
        raise TransportFailed(
            f"no connection to Bilibili's comment server ({type(exc).__name__})"
        ) from None
