"""Comments from a relay that somebody runs already: a stream of server-sent events.

It may be another hostcue (`/api/douyin/web/stream`) or any collector that sends JSON.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from urllib.parse import quote, urlsplit

import httpx2
import structlog

from hostcue.comments.backoff import Backoff
from hostcue.comments.relay_fields import RelayFields, UnknownKind
from hostcue.comments.relay_line import TOKEN_REMEDY, RelayLine, Silent
from hostcue.comments.seen import Seen
from hostcue.errors import (
    ConfigError,
    RateLimited,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, Gap, LiveEvent, RoomControl, Tally, WayTaken
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.platforms.http import open_http

log = structlog.get_logger(__name__)


_PASSING = (TransportFailed, RateLimited, UpstreamChanged)
_MAX_UNKNOWN = 100
_MAX_SILENCE_DOUBLINGS = 3


class RelaySource:
    """The `CommentSource` for any room whose comments a relay has.

    Args:
        url: of the stream; `{live_id}` and `{room_id}` in it stand for the room's.
        token: sent as a bearer token to the relay itself, and nowhere else.
        fields: where its messages hold what.
        proxies: of the settings; a room's own proxy leads to its platform, not to the relay.
        policy: where a redirect may lead.
        silence_s: without a byte for so long the line is replaced; relays send pings.
        backoff_s: the first and the longest wait before a reconnect.
        open_timeout_s: for one answer to begin.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        fields: RelayFields | None = None,
        proxies: Proxies | None = None,
        policy: AddressPolicy | None = None,
        silence_s: float = 60.0,
        backoff_s: tuple[float, float] = (1.5, 60.0),
        open_timeout_s: float = 10.0,
    ) -> None:
        """Raise `ConfigError` for an address that cannot be one."""
        _check(url)
        if not (token.isascii() and token.isprintable()):
            raise ConfigError(
                "the relay's token holds characters that no token has",
                field="HOSTCUE_RELAY_TOKEN",
                remedy=TOKEN_REMEDY,
            )
        self._url = url
        self._token = token
        self._fields = fields or RelayFields()
        self._proxies = proxies or Proxies()
        self._policy = policy or AddressPolicy()
        self._silence_s = silence_s
        self._backoff_s = backoff_s
        self._open_timeout_s = open_timeout_s

    @asynccontextmanager
    async def events(
        self, room: Room, access: Access = DEFAULT_ACCESS
    ) -> AsyncGenerator[AsyncIterator[LiveEvent]]:
        """See `CommentSource.events`; the broadcast ends where the relay says so."""
        line = RelayLine(
            _filled(self._url, room),
            token=self._token,
            policy=self._policy,
            open_timeout_s=self._open_timeout_s,
        )
        async with open_http(self._proxies, timeout_s=self._open_timeout_s) as http:
            try:
                await line.open(http)
                async with aclosing(self._read(http, line, _Post(room, self._fields))) as events:
                    yield events
            finally:
                await line.close()

    async def _read(
        self, http: httpx2.AsyncClient, line: RelayLine, post: _Post
    ) -> AsyncGenerator[LiveEvent]:
        yield WayTaken("relay")
        gap: Gap | None = None
        backoff, silences = Backoff(*self._backoff_s), 0
        heard_ms, tally = now_ms(), Tally()
        while True:
            patience_s = self._silence_s * 2 ** min(silences, _MAX_SILENCE_DOUBLINGS)
            try:
                texts = await line.receive(patience_s)
            except (TransportFailed, Silent) as exc:
                silent = isinstance(exc, Silent)
                silences += silent
                if gap is None:
                    cause = "stalled" if silent else "connection_lost"
                    gap = Gap(heard_ms if silent else now_ms(), cause)
                    log.warning("comment_gap", cause=cause)
                    yield gap
                await self._reconnect(http, line, backoff)
                continue
            heard_ms, silences = now_ms(), 0
            if gap is not None:
                yield Gap(gap.start_ms, gap.cause, heard_ms)
                gap = None
            for event in post.read(texts, heard_ms):
                backoff.reset()
                yield event
                if isinstance(event, RoomControl) and event.action == "ended":
                    return
            if post.tally(line.oversized) != tally:
                tally = post.tally(line.oversized)
                yield tally

    async def _reconnect(self, http: httpx2.AsyncClient, line: RelayLine, backoff: Backoff) -> None:
        """Open the line again, however long it takes."""
        while True:
            await line.close()
            await backoff.wait(at_least_s=line.asked_for_s)
            try:
                await line.open(http)
            except _PASSING as exc:
                log.warning("comment_reconnect_failed", error=exc.code, attempts=backoff.attempts)
            else:
                return


class _Post:
    """A relay's messages as events, each comment once."""

    def __init__(self, room: Room, fields: RelayFields) -> None:
        self._room = room
        self._fields = fields
        self._seen = Seen[str]()
        self._repeated = 0
        self._unreadable = 0
        self._unknown: Counter[str] = Counter()

    def read(self, texts: list[str], received_ms: int) -> list[LiveEvent]:
        """What these messages say that was not said before."""
        events: list[LiveEvent] = []
        for text in texts:
            try:
                messages = self._fields.messages(text)
            except UpstreamChanged as exc:
                self._misread(exc)
                continue
            read = (self._read(message, received_ms) for message in messages)
            events += (event for event in read if event is not None)
        return [event for event in events if not self._is_repeat(event)]

    def _read(self, message: object, received_ms: int) -> LiveEvent | None:
        try:
            return self._fields.read(message, self._room, received_ms)
        except UnknownKind as exc:
            if len(self._unknown) < _MAX_UNKNOWN or exc.kind in self._unknown:
                self._unknown[exc.kind] += 1
        except UpstreamChanged as exc:
            self._misread(exc)
        return None

    def _misread(self, exc: UpstreamChanged) -> None:
        self._unreadable += 1
        if self._unreadable == 1:
            log.warning("relay_message_unreadable", error=exc.message)

    def tally(self, oversized: int) -> Tally:
        """What was left out so far."""
        unreadable = self._unreadable + oversized
        return Tally(
            repeated=self._repeated,
            unknown=dict(self._unknown),
            unreadable={"relay": unreadable} if unreadable else {},
        )

    def _is_repeat(self, event: LiveEvent) -> bool:
        if not isinstance(event, Comment):
            return False
        is_new = self._seen.add(event.id)
        self._repeated += not is_new
        return not is_new


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        ok = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        httpx2.URL(_replaced(url, "0", "0"))
    except (ValueError, httpx2.InvalidURL):
        ok = False
    if not ok:
        raise ConfigError(
            "HOSTCUE_RELAY_URL is no web address",
            field="HOSTCUE_RELAY_URL",
            remedy="write it like http://host:8000/api/douyin/web/stream, "
            "with live_id={live_id} after a question mark",
        )


def _filled(url: str, room: Room) -> str:
    return _replaced(url, quote(room.live_id, safe=""), quote(room.room_id, safe=""))


def _replaced(url: str, live_id: str, room_id: str) -> str:
    return url.replace("{live_id}", live_id).replace("{room_id}", room_id)
