"""Points `douyin-live-chat` (MIT) at a pretend Douyin; prints what it reads, one JSON a line.

Run by the interpreter of its own environment. Only addresses are replaced: the ttwid, the page,
the signature (the platform's own script, in V8), acknowledgements, heartbeats (as WebSocket pings)
and messages, read by betterproto, are its own code.

    python douyin_live_chat_reads.py WEB_URL PUSH_URL LIVE_ID
"""

# mypy: ignore-errors
# What it imports is not installed where mypy runs.
from __future__ import annotations

import json
import sys


def _say(found: object) -> None:
    # Its own words go to standard output too.
    sys.stdout.write("\n" + json.dumps(found, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def _read(web_url: str, push_url: str, live_id: str) -> None:
    import requests
    import websocket
    from douyin_live_chat import core

    page, socket = "https://live.douyin.com", "wss://webcast5-ws-web-hl.douyin.com"
    get, app = requests.get, websocket.WebSocketApp
    visitor = requests.Session()

    def get_here(url: str, **options: object) -> object:
        headers = dict(options.pop("headers", {}))
        if "__ac_nonce" in str(headers.get("cookie", "")):
            return get(url.replace(page, web_url), headers=headers, **options)
        return visitor.get(url.replace(page, web_url), headers=headers, **options)

    requests.get = get_here
    core.websocket.WebSocketApp = lambda url, **told: app(url.replace(socket, push_url), **told)
    fetcher = core.DouyinLiveWebFetcher(live_id, chat_callback=lambda chat: _say(_told(chat)))
    _say({"enter": {"room_id": fetcher.room_id}})
    fetcher.start()


def _told(chat: dict[str, object]) -> object:
    return {"message": "WebcastChatMessage", "body": {"content": chat["content"]}}


if __name__ == "__main__":
    _read(*sys.argv[1:4])
