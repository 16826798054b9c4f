"""All resolvers as one, and the checks that hold for each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from hostcue.errors import BadRequest, HostcueError, UnknownPlatform
from hostcue.model.clock import now_ms
from hostcue.model.network import AddressPolicy
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Quality, Room
from hostcue.platforms.http import check_address
from hostcue.ports import StreamResolver
from hostcue.rooms.expiry import expires_ms

_MAX_CHARS = 4_000
_ACCEPTED = (
    "give a Douyin room link, share text or id, a room link of Bilibili, Huya, Douyu, Kuaishou, "
    "Taobao, TikTok, Twitch, YouTube and others, or a stream: .flv, .m3u8, rtmp://, rtsp://"
)


class Resolvers:
    """Asks the first resolver that takes a link, then checks and dates the stream's address.

    The stream itself is not contacted: an address may be good for one connection only. Where it
    redirects to, the recorder checks, as it checks the address once more when it is connected.
    """

    def __init__(
        self,
        resolvers: Sequence[StreamResolver],
        *,
        policy: AddressPolicy,
    ) -> None:
        self._resolvers = resolvers
        self._policy = policy

    def matches(self, link: str) -> bool:
        """Whether any resolver takes the link."""
        return any(resolver.matches(link) for resolver in self._resolvers)

    def room_of(self, link: str) -> Room:
        """As the port says, and for what no resolver takes.

        Raises:
            UnknownPlatform, BadRequest: as for `resolve`.
        """
        return self._resolver_of(link.strip()).room_of(link.strip())

    async def resolve(
        self, link: str, quality: Quality, access: Access = DEFAULT_ACCESS
    ) -> LiveRoom:
        """As the port says, and for what no resolver takes.

        Raises:
            UnknownPlatform: a link, but of no platform we know.
            BadRequest: no link at all, or an access that no client can use.
        """
        link = link.strip()
        if not link:
            raise BadRequest("live_url is empty", field="live_url", remedy=_ACCEPTED)
        if len(link) > _MAX_CHARS:
            raise BadRequest("live_url is too long for a link", field="live_url", remedy=_ACCEPTED)
        access.check()
        return await self._checked(await self._resolver_of(link).resolve(link, quality, access))

    def _resolver_of(self, link: str) -> StreamResolver:
        for resolver in self._resolvers:
            if resolver.matches(link):
                return resolver
        raise _unknown(link)

    async def _checked(self, live: LiveRoom) -> LiveRoom:
        source = live.source
        if source.container == "file":
            return live
        await check_address(self._policy, source.url)
        end_ms = expires_ms(source.url)
        if end_ms is not None and end_ms <= now_ms():
            end_ms = None  # given just now: what we read there is something else
        return replace(live, source=replace(source, expires_ms=end_ms))


def _unknown(link: str) -> HostcueError:
    if host := _host(link):
        return UnknownPlatform(
            f"{host} is not a platform we know", field="live_url", remedy=_ACCEPTED
        )
    return BadRequest("live_url is not a link we can read", field="live_url", remedy=_ACCEPTED)


def _host(link: str) -> str | None:
    """The host of a well-formed URL."""
    try:
        parts = urlsplit(link)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return None
    return parts.hostname if parts.scheme in {"http", "https"} and " " not in link else None
