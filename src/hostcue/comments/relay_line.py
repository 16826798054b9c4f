"""The connection to a relay: one stream of server-sent events, opened as often as it takes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final
from urllib.parse import urljoin, urlsplit

import anyio
import httpx2

from hostcue.comments.event_stream import EventStreamReader
from hostcue.errors import RateLimited, RoomOffline, TransportFailed, UpstreamChanged
from hostcue.model.json_text import from_json, member
from hostcue.model.network import AddressPolicy
from hostcue.platforms.http import check_address, reaching, refusal

TOKEN_REMEDY: Final = "set HOSTCUE_RELAY_TOKEN to a token that the relay takes"  # noqa: S105 - words
URL_REMEDY: Final = "check HOSTCUE_RELAY_URL, and that the room is collected there"

_MAX_HOPS = 5
_ERROR_BYTES, _ERROR_S = 64 * 1024, 5.0
_LONGEST_RETRY_S = 60.0
_CLOSE_S = 2.0


class Silent(Exception):
    """Not a byte came for too long."""


class RelayLine:
    """One subscription over as many connections as it takes."""

    def __init__(
        self, url: str, *, token: str, policy: AddressPolicy, open_timeout_s: float
    ) -> None:
        self._url = url
        self._token = token
        self._policy = policy
        self._open_timeout_s = open_timeout_s
        self._response: httpx2.Response | None = None
        self._chunks: AsyncIterator[bytes] | None = None
        self._reader = EventStreamReader()
        self._oversized = 0
        self.asked_for_s = 0.0

    @property
    def oversized(self) -> int:
        """How many messages were longer than any we want."""
        return self._oversized + self._reader.oversized

    async def open(self, http: httpx2.AsyncClient) -> None:
        """Subscribe, from where the line before ended.

        Raises:
            AuthRequired: the relay wants a token, or another one.
            RoomOffline: the relay says so.
            RateLimited, UpstreamChanged, TransportFailed: as their names say.
        """
        self.asked_for_s = 0.0
        response = await self._ask(http)
        try:
            await self._look_at(response)
        except RateLimited as exc:
            self.asked_for_s = min(exc.retry_after_s, _LONGEST_RETRY_S)
            await _let_go(response)
            raise
        except BaseException:  # cancelled too: nobody else knows this answer yet
            await _let_go(response)
            raise
        self._response, self._chunks = response, response.aiter_bytes()
        self._oversized += self._reader.oversized
        self._reader = EventStreamReader(self._reader.last_id)

    async def receive(self, within_s: float) -> list[str]:
        """The messages that came next; none for a ping.

        Raises:
            Silent: nothing came in time.
            TransportFailed: the line broke, or the relay ended it.
        """
        if self._chunks is None:
            raise TransportFailed("the relay's stream is closed")
        try:
            with anyio.fail_after(within_s):
                chunk = await anext(self._chunks)
        except TimeoutError:
            raise Silent from None
        except StopAsyncIteration:
            raise TransportFailed("the relay ended its stream") from None
        except httpx2.HTTPError as exc:
            raise TransportFailed(f"the relay's stream broke ({type(exc).__name__})") from None
        texts = [event.data for event in self._reader.feed(chunk)]
        if self._reader.retry_ms is not None:
            self.asked_for_s = min(self._reader.retry_ms / 1000, _LONGEST_RETRY_S)
        return texts

    async def close(self) -> None:
        """Hang up."""
        response, self._response, self._chunks = self._response, None, None
        if response is not None:
            await _let_go(response)

    async def _ask(self, http: httpx2.AsyncClient) -> httpx2.Response:
        url, at_home = self._url, True
        for _ in range(_MAX_HOPS):
            headers = {"Accept": "text/event-stream", "Cache-Control": "no-cache"}
            if self._token and at_home:
                headers["Authorization"] = f"Bearer {self._token}"
            if self._reader.last_id:
                headers["Last-Event-ID"] = self._reader.last_id
            # how long a stream may be silent is said where it is read
            timeout = httpx2.Timeout(self._open_timeout_s, read=None)
            request = http.build_request("GET", url, headers=headers, timeout=timeout)
            with reaching(request.url.host, self._open_timeout_s):
                response = await http.send(request, stream=True)
            if not response.has_redirect_location:
                return response
            await _let_go(response)
            url = urljoin(url, response.headers["location"])
            # Once led elsewhere the token stays behind, even where that leads back.
            at_home = at_home and _origin(url) == _origin(self._url)
            if not at_home:
                await self._check_abroad(url)
        raise TransportFailed("the relay sends us on and on", remedy=URL_REMEDY)

    async def _check_abroad(self, url: str) -> None:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise UpstreamChanged("the relay sends us to what is no web address", remedy=URL_REMEDY)
        await check_address(self._policy, url)

    async def _look_at(self, response: httpx2.Response) -> None:
        status = response.status_code
        if error := refusal(response, "the relay", remedy=TOKEN_REMEDY, blocks=()):
            raise error
        if status != httpx2.codes.OK:
            if member(member(await _body(response), "error"), "code") == RoomOffline.code:
                raise RoomOffline("the relay says that nobody is live in this room")
            if status == httpx2.codes.NOT_FOUND:
                raise TransportFailed(
                    "the relay does not know this room (HTTP 404)", remedy=URL_REMEDY
                )
            raise UpstreamChanged(f"the relay answered HTTP {status}", remedy=URL_REMEDY)
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "text/event-stream":
            raise UpstreamChanged("the relay answers no stream of events", remedy=URL_REMEDY)


def _origin(url: str) -> tuple[str, str, int]:
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, parts.hostname or "", port


async def _body(response: httpx2.Response) -> object:
    """The JSON of an answer that is an error; None for anything else."""
    body = bytearray()
    try:
        with anyio.fail_after(_ERROR_S):
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _ERROR_BYTES:
                    return None
        return from_json(body.decode())
    except (TimeoutError, ValueError, RecursionError, httpx2.HTTPError):
        return None


async def _let_go(response: httpx2.Response) -> None:
    with anyio.CancelScope(shield=True), anyio.move_on_after(_CLOSE_S):
        await response.aclose()
