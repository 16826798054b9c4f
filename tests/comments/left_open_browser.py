"""Opens a room's page and waits to be killed."""

from __future__ import annotations

import sys
from contextlib import aclosing
from pathlib import Path

import anyio

from hostcue.comments.douyin.browser import BrowserWay
from hostcue.comments.douyin.chromium import Chromium
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.wall import Screenshots
from hostcue.comments.douyin.ways import Visit
from hostcue.model.network import Proxies
from hostcue.model.room import Room
from hostcue.platforms.douyin.webs import DouyinWebs


async def main(web_url: str, live_id: str, room_id: str, folder: str) -> None:
    way = BrowserWay(Chromium(Path(folder)), Screenshots(Path(folder, "screenshots")))
    room = Room("douyin", live_id, room_id, f"https://live.douyin.com/{live_id}", "小满的鞋铺")
    async with (
        aclosing(DouyinWebs(Proxies(), base_url=web_url)) as webs,
        webs.lend() as web,
        way.open(Visit(room, web, Inbox(room_id))),
    ):
        await anyio.sleep_forever()


web_url, live_id, room_id, folder = sys.argv[1:]
anyio.run(main, web_url, live_id, room_id, folder)
