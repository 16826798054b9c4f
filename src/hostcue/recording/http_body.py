"""The body of an HTTP answer as a file that libav can read.

HTTP is spoken here and not by libav, which follows redirects and playlist entries wherever they
point, does not verify certificates, takes proxies from the environment, and calls a broken
connection the end of the stream.
"""

from __future__ import annotations

import base64
import http.client
import select
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from hostcue.errors import BadRequest
from hostcue.model.network import AddressPolicy, Proxies

_GATHER_S = 0.1
_PIECE = 64 * 1024
_LARGEST = 64 * 1024 * 1024
_MOST_IDLE = 4
_HOPS = 6  # the URL itself and five redirects
_AGENT = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/141.0.0.0 Safari/537.36"
)
_FOR_ONE_HOST = {"cookie", "authorization"}


class HttpRefused(Exception):
    """The stream's server answered with a status that is not success."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the stream's server answered {status}")
        self.status = status


class HttpCircles(HttpRefused):
    """It redirects on and on."""


class HttpBody:
    """What libav reads; `name` is the URL that playlist entries are relative to.

    A live stream trickles in. Once the line has run dry, a moment's data is left to gather: one
    wake-up for several packets costs a third of as many wake-ups.
    """

    def __init__(self, name: str, answer: http.client.HTTPResponse, sock: socket.socket) -> None:
        self.name = name
        self._answer = answer
        self._sock = sock

    def read(self, size: int) -> bytes:
        """What has come in, at most `size` bytes; waits for the first, empty at the end."""
        if self._answer.isclosed():  # libav asks again after the end
            return b""
        if not self._more():
            time.sleep(_GATHER_S)
        return self._answer.read1(size)

    def _more(self) -> bool:
        if isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
            return True
        return bool(select.select([self._sock], [], [], 0)[0])

    def close(self) -> None:
        """Close the connection."""
        self._answer.close()


@dataclass(slots=True)
class _Link:
    """A connection and the answer that comes by it; the socket stays with a closing answer."""

    connection: http.client.HTTPConnection
    sock: socket.socket
    answer: http.client.HTTPResponse


@dataclass(frozen=True, slots=True)
class HttpClient:
    """Fetches what a stream consists of, within the rules of the room.

    A cookie goes to the host of the URL `home` alone, wherever playlists and redirects lead. Not
    thread-safe.
    """

    proxies: Proxies
    policy: AddressPolicy
    open_timeout_s: float
    read_timeout_s: float
    home: str = ""
    _idle: dict[tuple[str, str], _Link] = field(default_factory=dict[tuple[str, str], _Link])

    def get(self, url: str, headers: Mapping[str, str]) -> HttpBody:
        """The body behind a URL; each redirect is checked before it is followed.

        Raises:
            HttpRefused: the server says no.
            PrivateAddress: the URL or a redirect leads into a private network.
            BadRequest: the URL or a redirect is not for HTTP, or the proxy is of another kind.
            OSError: no connection, or it broke.
            http.client.HTTPException: the answer is not HTTP.
        """
        url, link = self._follow(url, headers, keep=False)
        return HttpBody(url, link.answer, link.sock)

    def fetch(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        within_s: float,
        largest: int = _LARGEST,
    ) -> tuple[str, bytes]:
        """A whole body and where it was found; the connection is kept for the next.

        Raises:
            TimeoutError: it did not come within the time.
            BadRequest: it has more than `largest` bytes.
            Exception: as `get`, also where the body is torn.
        """
        until_s = time.monotonic() + within_s
        url, link = self._follow(url, headers, keep=True)
        try:
            body = _read_all(link.answer, until_s, largest)
        except BaseException:
            link.connection.close()
            raise
        if link.connection.sock is not None:  # the server keeps it too
            self._idle[_origin(url)] = link
            if len(self._idle) > _MOST_IDLE:
                self._idle.pop(next(iter(self._idle))).connection.close()
        return url, body

    def _follow(self, url: str, headers: Mapping[str, str], *, keep: bool) -> tuple[str, _Link]:
        status = 0
        for _ in range(_HOPS):
            link = self._ask(url, headers, keep=keep)
            status, target = link.answer.status, link.answer.getheader("Location")
            if status < 300:
                return url, link
            link.connection.close()
            link.answer.close()
            if not (target and status < 400):
                raise HttpRefused(status)
            url = urljoin(url, target)
        raise HttpCircles(status)

    def _ask(self, url: str, headers: Mapping[str, str], *, keep: bool) -> _Link:
        kept = self._idle.pop(_origin(url), None) if keep else None
        if kept is not None:
            try:
                return self._request(kept.connection, url, headers, keep=True)
            except (ConnectionError, http.client.HTTPException):
                kept.connection.close()  # the server was tired of waiting
        connection = self._connect(url)
        return self._request(connection, url, headers, keep=keep)

    def _connect(self, url: str) -> http.client.HTTPConnection:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise BadRequest("the stream leads to something that is not plain http or https")
        self.policy.check(url)
        proxy = self.proxies.for_url(url)
        connection = self._way(parts, proxy)
        try:
            connection.connect()
            if proxy is None:
                check_peer(connection.sock, self.policy)
            connection.sock.settimeout(self.read_timeout_s)
        except BaseException:
            connection.close()
            raise
        return connection

    def _request(
        self,
        connection: http.client.HTTPConnection,
        url: str,
        headers: Mapping[str, str],
        *,
        keep: bool,
    ) -> _Link:
        parts, proxy = urlsplit(url), self.proxies.for_url(url)
        own = {"User-Agent": _AGENT, "Accept": "*/*"} | ({} if keep else {"Connection": "close"})
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if proxy is not None and parts.scheme == "http":
            target = parts._replace(fragment="").geturl()
            own |= proxy_login(urlsplit(proxy))
        sock = connection.sock
        try:
            connection.request("GET", target, headers={**own, **self._allowed(url, headers)})
            return _Link(connection, sock, connection.getresponse())
        except BaseException:
            connection.close()
            raise

    def _allowed(self, url: str, headers: Mapping[str, str]) -> Mapping[str, str]:
        """What may be said there: not to another host, nor in clear what was given for TLS."""
        home, there = urlsplit(self.home), urlsplit(url)
        if there.netloc == home.netloc and there.scheme in {home.scheme, "https"}:
            return headers
        return {k: v for k, v in headers.items() if k.lower() not in _FOR_ONE_HOST}

    def _way(self, parts: SplitResult, proxy: str | None) -> http.client.HTTPConnection:
        """A connection yet to be made."""
        secure, host = parts.scheme == "https", parts.hostname or ""
        if proxy is None:
            return self._connection(host, parts.port, secure=secure)
        via = http_proxy(proxy)
        connection = self._connection(via.hostname or "", via.port or 80, secure=secure)
        if secure:
            connection.set_tunnel(host, parts.port or 443, headers=proxy_login(via))
        return connection

    def _connection(
        self, host: str, port: int | None, *, secure: bool
    ) -> http.client.HTTPConnection:
        if secure:
            return http.client.HTTPSConnection(
                host, port, timeout=self.open_timeout_s, context=trust()
            )
        return http.client.HTTPConnection(host, port, timeout=self.open_timeout_s)


@cache
def trust() -> ssl.SSLContext:
    """The system's certificates; the forker loads them once for all its workers."""
    import truststore  # most streams need no TLS

    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def http_proxy(proxy: str) -> SplitResult:
    """The parts of a proxy's URL.

    Raises:
        BadRequest: it is not an `http://` one.
    """
    via = urlsplit(proxy)
    if via.scheme != "http" or not via.hostname:
        raise BadRequest("streams can only be fetched through an http:// proxy")
    return via


def proxy_login(proxy: SplitResult) -> dict[str, str]:
    """The header by which a proxy knows us."""
    if not proxy.username:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(secret).decode()}"}


def check_peer(sock: socket.socket, policy: AddressPolicy) -> None:
    """Check the address that is really connected: a name may stand for another by now.

    Raises:
        PrivateAddress: it is not on the public internet.
    """
    peer = sock.getpeername()[0]
    policy.check(f"http://[{peer}]" if ":" in peer else f"http://{peer}")


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _read_all(answer: http.client.HTTPResponse, until_s: float, largest: int) -> bytes:
    body = bytearray()
    while data := answer.read1(_PIECE):
        body += data
        if len(body) > largest:
            raise BadRequest("what the stream's server sends is larger than it should be")
        if time.monotonic() > until_s:
            raise TimeoutError
    if answer.length:  # so much was announced and did not come
        raise http.client.IncompleteRead(b"", answer.length)
    answer.read()  # nothing; only then may the connection be used again
    return bytes(body)
