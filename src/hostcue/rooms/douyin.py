"""Douyin rooms: links, share texts and bare ids."""

from __future__ import annotations

from hostcue.errors import BadRequest
from hostcue.model.room import DEFAULT_ACCESS, Access, LiveRoom, Quality, Room, StreamSource
from hostcue.platforms.douyin import links
from hostcue.platforms.douyin.web import Broadcast, DouyinWeb
from hostcue.platforms.douyin.webs import DouyinWebs

_REMEMBERED = 1000


class DouyinResolver:
    """Resolves through the same `DouyinWebs` that the comments use."""

    def __init__(self, webs: DouyinWebs) -> None:
        self._webs = webs
        self._shared: dict[str, str] = {}  # which rooms share links lead to; that stays

    def matches(self, link: str) -> bool:
        """Whether the text names a Douyin room or is one of its share links."""
        return links.parse(link, web_url=self._webs.base_url) is not None

    def room_of(self, link: str) -> Room:
        """Its id, which stands for the host's name; of a share link only what it led to before."""
        found = self._parsed(link)
        if isinstance(found, links.LinkRef):
            live_id = found.live_id
        elif (live_id := self._shared.get(found.url, "")) == "":
            return Room("douyin", "", "", found.url, "")
        return Room("douyin", live_id, "", f"{self._webs.base_url}/{live_id}", live_id)

    async def resolve(
        self, link: str, quality: Quality, access: Access = DEFAULT_ACCESS
    ) -> LiveRoom:
        """One request, or none if the comments asked for the same room just now.

        FLV where Douyin has it: HLS comes seconds later and in larger pieces.
        """
        found = self._parsed(link)
        async with self._webs.lend(access) as web:
            if isinstance(found, links.ShortLink):
                live_id = await self._followed(web, found.url)
            else:
                live_id = found.live_id
            return _live_room(web, await web.enter(live_id), quality)

    def _parsed(self, link: str) -> links.LinkRef | links.ShortLink:
        found = links.parse(link, web_url=self._webs.base_url)
        if found is None:
            raise BadRequest(
                "this is not the link of a Douyin room",
                field="live_url",
                remedy="copy the address of the live room, or share it from the app",
            )
        return found

    async def _followed(self, web: DouyinWeb, url: str) -> str:
        if (known := self._shared.get(url)) is not None:
            return known
        live_id = await web.live_id_of(url)
        if len(self._shared) >= _REMEMBERED:
            self._shared.clear()
        self._shared[url] = live_id
        return live_id


def _live_room(web: DouyinWeb, broadcast: Broadcast, quality: Quality) -> LiveRoom:
    got, stream = broadcast.nearest(quality)
    return LiveRoom(
        Room(
            platform="douyin",
            live_id=broadcast.live_id,
            room_id=broadcast.room_id,
            url=f"{web.base_url}/{broadcast.live_id}",
            anchor_name=broadcast.anchor_name,
            title=broadcast.title,
        ),
        StreamSource(
            url=stream.flv or stream.hls,
            container="flv" if stream.flv else "hls",
            quality=got,
            headers={
                "User-Agent": web.identity.user_agent,
                "Referer": f"{web.base_url}/",
            },
        ),
    )
