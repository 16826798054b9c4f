"""Douyin rooms: links, share texts and bare ids."""

from __future__ import annotations

from hostcue.errors import BadRequest
from hostcue.model.room import LiveRoom, Quality, Room, StreamSource
from hostcue.platforms.douyin import links
from hostcue.platforms.douyin.web import DouyinWeb


class DouyinResolver:
    """Resolves through the same `DouyinWeb` that the comments use."""

    def __init__(self, web: DouyinWeb) -> None:
        self._web = web

    def matches(self, link: str) -> bool:
        """Whether the text names a Douyin room or is one of its share links."""
        return links.parse(link, web_url=self._web.base_url) is not None

    async def resolve(self, link: str, quality: Quality) -> LiveRoom:
        """One request, or none if the comments asked for the same room just now.

        FLV where Douyin has it: HLS comes seconds later and in larger pieces.
        """
        found = links.parse(link, web_url=self._web.base_url)
        if found is None:
            raise BadRequest("this is not the link of a Douyin room", field="live_url")
        if isinstance(found, links.ShortLink):
            live_id = await self._web.live_id_of(found.url)
        else:
            live_id = found.live_id
        broadcast = await self._web.enter(live_id)
        got, stream = broadcast.nearest(quality)
        return LiveRoom(
            Room(
                platform="douyin",
                live_id=live_id,
                room_id=broadcast.room_id,
                url=f"{self._web.base_url}/{live_id}",
                anchor_name=broadcast.anchor_name,
                title=broadcast.title,
            ),
            StreamSource(
                url=stream.flv or stream.hls,
                container="flv" if stream.flv else "hls",
                quality=got,
                headers={
                    "User-Agent": self._web.identity.user_agent,
                    "Referer": f"{self._web.base_url}/",
                },
            ),
        )
