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
from dataclasses import dataclass
from functools import cache
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from hostcue.errors import BadRequest
from hostcue.model.network import AddressPolicy, Proxies

_GATHER_S = 0.1
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


@dataclass(frozen=True, slots=True)
class HttpClient:
    """Fetches what a stream consists of, within the rules of the room."""

    proxies: Proxies
    policy: AddressPolicy
    open_timeout_s: float
    read_timeout_s: float

    def get(self, url: str, headers: Mapping[str, str]) -> HttpBody:
        """The body behind a URL; each redirect is checked before it is followed.

        Raises:
            HttpRefused: the server says no.
            PrivateAddress: the URL or a redirect leads into a private network.
            BadRequest: the URL or a redirect is not for HTTP, or the proxy is of another kind.
            OSError: no connection, or it broke.
            http.client.HTTPException: the answer is not HTTP.
        """
        status = 0
        for _ in range(_HOPS):
            answer, sock = self._ask(url, headers)
            status, target = answer.status, answer.getheader("Location")
            if status < 300:
                return HttpBody(url, answer, sock)
            answer.close()
            if not (target and status < 400):
                break
            there = urljoin(url, target)
            if urlsplit(there).netloc != urlsplit(url).netloc:
                headers = {k: v for k, v in headers.items() if k.lower() not in _FOR_ONE_HOST}
            url = there
        raise HttpRefused(status)

    def _ask(
        self, url: str, headers: Mapping[str, str]
    ) -> tuple[http.client.HTTPResponse, socket.socket]:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"}:
            raise BadRequest("the stream leads to something that is not plain http or https")
        self.policy.check(url)
        proxy = self.proxies.for_url(url)
        connection, target, login = self._route(parts, proxy)
        try:
            connection.connect()
            sock = connection.sock
            if proxy is None:  # a name may stand for another address by now
                peer = sock.getpeername()[0]
                self.policy.check(f"http://[{peer}]" if ":" in peer else f"http://{peer}")
            sock.settimeout(self.read_timeout_s)
            own = {"User-Agent": _AGENT, "Accept": "*/*", "Connection": "close"}
            connection.request("GET", target, headers={**own, **login, **headers})
            return connection.getresponse(), sock
        except BaseException:
            connection.close()
            raise

    def _route(
        self, parts: SplitResult, proxy: str | None
    ) -> tuple[http.client.HTTPConnection, str, dict[str, str]]:
        """A connection yet to be made, what to ask for on it, and the proxy's login."""
        secure, host = parts.scheme == "https", parts.hostname or ""
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        if proxy is None:
            return self._connection(host, parts.port, secure=secure), path, {}
        via = urlsplit(proxy)
        if via.scheme != "http" or not via.hostname:
            raise BadRequest("streams can only be fetched through an http:// proxy")
        connection = self._connection(via.hostname, via.port or 80, secure=secure)
        if secure:
            connection.set_tunnel(host, parts.port or 443, headers=_login(via))
            return connection, path, {}
        return connection, parts._replace(fragment="").geturl(), _login(via)

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


def _login(proxy: SplitResult) -> dict[str, str]:
    if not proxy.username:
        return {}
    secret = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return {"Proxy-Authorization": f"Basic {base64.b64encode(secret).decode()}"}
