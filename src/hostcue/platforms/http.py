"""How this product talks HTTP to platforms: one client, one way to fail.

Never redirected by itself, certificates checked, no cookie jar (a jar shared by all rooms would
mix identities), proxies from the settings only.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
import httpx2

from hostcue.errors import (
    AuthRequired,
    Blocked,
    ConfigError,
    RateLimited,
    TransportFailed,
    UpstreamChanged,
    UpstreamError,
)
from hostcue.log import redact_text
from hostcue.model.network import AddressPolicy, Proxies

MAX_BODY_BYTES = 8 * 1024 * 1024
_DEFAULT_RETRY_AFTER_S, _LONGEST_RETRY_AFTER_S = 30.0, 3600.0
_LOOKUP_S = 10.0
# of threads: a dead name server must not take those that recordings need
_LOOKUPS = anyio.CapacityLimiter(16)
_PROXY_REMEDY = "check the network and HTTP_PROXY, HTTPS_PROXY, NO_PROXY"
_WAIT_REMEDY = "try again in some minutes"


def open_http(proxies: Proxies, *, timeout_s: float = 10.0) -> httpx2.AsyncClient:
    """A pooled client that chooses its proxy per URL; the caller closes it.

    Bodies are read by `exchange`, which bounds them.

    Raises:
        ConfigError: a proxy of the settings is not one we can use.
    """
    # it would log every URL, signatures included, where a host's app shows INFO
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    return httpx2.AsyncClient(
        transport=_Routes(proxies),
        timeout=timeout_s,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
    )


async def exchange(
    http: httpx2.AsyncClient,
    request: httpx2.Request,
    *,
    timeout_s: float,
    follow_redirects: bool = False,
) -> httpx2.Response:
    """Send a request and read the whole answer, decoded, within `timeout_s` in all.

    Raises:
        TransportFailed: no connection, no answer in time, or it broke.
        UpstreamChanged: more than `MAX_BODY_BYTES` came, which no answer we want is long.
    """
    with reaching(request.url.host, timeout_s):
        response = await http.send(request, stream=True, follow_redirects=follow_redirects)
        try:
            body = bytearray()
            async for part in response.aiter_bytes():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    raise UpstreamChanged(
                        f"{request.url.host} sent more than {MAX_BODY_BYTES >> 20} MiB",
                        remedy="check the link; a newer hostcue may know the platform's changes",
                    )
        finally:
            await response.aclose()
    headers = httpx2.Headers(response.headers)
    for name in ("content-encoding", "content-length", "transfer-encoding"):
        headers.pop(name, None)  # they describe the bytes on the wire; `body` is decoded
    return httpx2.Response(
        response.status_code, headers=headers, content=bytes(body), request=response.request
    )


@contextmanager
def reaching(host: str, timeout_s: float) -> Iterator[None]:
    """Turn everything that goes wrong on the way to `host` into `TransportFailed`."""
    try:
        with anyio.fail_after(timeout_s):
            yield
    except (TimeoutError, httpx2.TimeoutException):
        raise TransportFailed(
            f"{host} did not answer within {timeout_s:g} s", remedy=_PROXY_REMEDY
        ) from None
    except httpx2.HTTPError as exc:  # `from None`: it carries the request, cookies included
        reason = redact_text(str(exc)) or type(exc).__name__
        raise TransportFailed(f"cannot reach {host}: {reason}", remedy=_PROXY_REMEDY) from None


def refusal(
    response: httpx2.Response, who: str, *, remedy: str, blocks: Collection[int] = (412, 444)
) -> UpstreamError | None:
    """What a status code alone says; None if it says nothing bad.

    `remedy` is for a refusal of our identity: what the operator can do about it on this platform.
    `blocks` are the statuses of risk control: 444 is Douyin's, 412 Bilibili's.
    """
    status = response.status_code
    if status in blocks:
        return Blocked(f"{who} blocks us (HTTP {status})", remedy=remedy)
    if status in {401, 403}:
        return AuthRequired(f"{who} refuses us without a login (HTTP {status})", remedy=remedy)
    if status == httpx2.codes.TOO_MANY_REQUESTS:
        return RateLimited(
            f"{who} asks us to slow down (HTTP 429)",
            retry_after_s=_pause_s(response.headers.get("retry-after", "")),
            remedy="wait, or record fewer rooms of this platform from one network",
        )
    if status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return TransportFailed(f"{who} has trouble of its own (HTTP {status})", remedy=_WAIT_REMEDY)
    return None


async def check_address(policy: AddressPolicy, url: str) -> None:
    """`AddressPolicy.check` off the event loop, since it looks a name up.

    Raises:
        PrivateAddress, BadRequest: the address is not for us.
        TransportFailed: the name could not be looked up in time.
    """
    try:
        with anyio.fail_after(_LOOKUP_S):
            await anyio.to_thread.run_sync(
                partial(policy.check, url), abandon_on_cancel=True, limiter=_LOOKUPS
            )
    except TimeoutError:
        raise TransportFailed(
            f"{urlsplit(url).hostname} could not be looked up within {_LOOKUP_S:g} s",
            remedy="check the network and its name server",
        ) from None


def _pause_s(value: str) -> float:
    """Of a `Retry-After` header, within reason; what is no count of seconds says nothing."""
    pause_s = float(value) if value.isdecimal() else _DEFAULT_RETRY_AFTER_S
    return min(pause_s, _LONGEST_RETRY_AFTER_S)


class _Routes(httpx2.AsyncBaseTransport):
    """Sends each request direct or through the proxy that the settings name for its URL.

    httpx2's own `mounts` know neither address ranges of `NO_PROXY` nor our rule for loopback.
    """

    def __init__(self, proxies: Proxies) -> None:
        self._proxies = proxies
        self._direct = httpx2.AsyncHTTPTransport(verify=_certificates(), trust_env=False)
        self._through = {url: _proxy_transport(url) for url in (proxies.http, proxies.https) if url}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        proxy = self._proxies.for_url(str(request.url))
        transport = self._through[proxy] if proxy else self._direct
        return await transport.handle_async_request(request)

    async def aclose(self) -> None:
        for transport in (self._direct, *self._through.values()):
            await transport.aclose()


def _proxy_transport(url: str) -> httpx2.AsyncHTTPTransport:
    try:
        return httpx2.AsyncHTTPTransport(verify=_certificates(), trust_env=False, proxy=url)
    except (ValueError, ImportError, httpx2.InvalidURL):
        raise ConfigError(
            f"the proxy {redact_text(urlsplit(url).scheme or 'without scheme')} cannot be used",
            field="HTTP_PROXY",
            remedy="write it as http://host:port",
        ) from None


@cache
def _certificates() -> ssl.SSLContext:
    """The system's certificates; built once, since reading them takes 20 ms."""
    return httpx2.create_ssl_context()
