"""Points `f2` (Apache-2.0) at a pretend Douyin and prints what it reads, one JSON object a line.

Run by the interpreter of f2's own environment: it sees nothing of hostcue. Only addresses are
replaced; the room's look-up, its a_bogus, the signature (the platform's own script, under Node),
acknowledgements, heartbeats and messages are f2's own code.

    python f2_reads.py WEB_URL PUSH_URL LIVE_ID
"""

# mypy: ignore-errors
# What it imports is not installed where mypy runs.
from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import urllib.request
from pathlib import Path


def _ttwid(web_url: str) -> str:
    with urllib.request.urlopen(web_url, timeout=10) as answer:  # noqa: S310 - on loopback
        return str(answer.headers["set-cookie"]).partition("ttwid=")[2].partition(";")[0]


def _say(found: object) -> None:
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    sys.stdout.flush()


async def _read(web_url: str, push_url: str, live_id: str) -> None:
    from f2.apps.douyin.api import DouyinAPIEndpoints as Places
    from f2.apps.douyin.utils import TokenManager

    TokenManager.gen_ttwid = classmethod(lambda _: _ttwid(web_url))
    TokenManager.gen_real_msToken = TokenManager.gen_false_msToken  # asked for at import
    from f2.apps.douyin.crawler import DouyinWebSocketCrawler
    from f2.apps.douyin.handler import DouyinHandler

    Places.LIVE_INFO = f"{web_url}/webcast/room/web/enter/"
    Places.LIVE_IM_FETCH = f"{web_url}/webcast/im/fetch/"
    Places.LIVE_IM_WSS = f"{push_url}/webcast/im/push/v2/"
    agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/130.0.0.0"
    headers = {"User-Agent": agent, "Referer": "https://live.douyin.com/"}
    cookie = f"ttwid={_ttwid(web_url)}"
    none = {"http://": None, "https://": None}
    told = {"headers": headers, "cookie": cookie, "proxies": none, "timeout": 10}
    handler = DouyinHandler({**told, "show_message": False})
    room = await handler.fetch_user_live_videos(live_id)
    _say({"enter": {"room_id": room.room_id, "title": room.live_title_raw}})
    visitor = "7382524529011246630"
    fetched = await handler.fetch_live_im(room.room_id, visitor)
    _say({"fetch": {"cursor": fetched.cursor, "internal_ext": fetched.internal_ext}})
    callbacks = {
        name: _tells(name, getattr(DouyinWebSocketCrawler, name))
        for name in dir(DouyinWebSocketCrawler)
        if name.startswith("Webcast")
    }
    await handler.fetch_live_danmaku(
        room.room_id, visitor, fetched.internal_ext, fetched.cursor, callbacks
    )


def _tells(name: str, parse: object) -> object:
    async def told(data: bytes) -> None:
        _say({"message": name, "body": await parse(data=data)})

    return told


if __name__ == "__main__":
    import os

    # It writes logs where it is.
    os.chdir(tempfile.mkdtemp(prefix="f2-", dir=Path(sys.argv[4]) if len(sys.argv) > 4 else None))
    asyncio.run(_read(*sys.argv[1:4]))
