"""Where Douyin's comments are pushed from, and what the request for them says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from hostcue.platforms.douyin.signing import SDK_VERSION, VERSION_CODE

PUSH_PATH = "/webcast/im/push/v2/"
KNOWN_SERVERS = (  # the hosts web clients are sent to (seen 2026-08)
    "wss://webcast100-ws-web-lq.douyin.com",
    "wss://webcast100-ws-web-hl.douyin.com",
    "wss://webcast100-ws-web-lf.douyin.com",
)


@dataclass(frozen=True, slots=True)
class Resume:
    """Where in the stream of messages to go on; empty means from now."""

    cursor: str = ""
    internal_ext: str = ""


def push_servers(named: Sequence[str]) -> tuple[str, ...]:
    """The servers to try, in order, without path: those the platform named, then the known ones.

    The platform names a bare host or a whole URL (both seen).
    """
    found: dict[str, None] = {}
    for name in filter(None, named):
        parts = urlsplit(name if "://" in name else f"wss://{name}")
        found[f"{parts.scheme}://{parts.netloc}"] = None
    return (*found, *(server for server in KNOWN_SERVERS if server not in found))


def push_url(
    server: str,
    *,
    room_id: str,
    user_unique_id: str,
    user_agent: str,
    resume: Resume,
    signature: str,
) -> str:
    """The URL to open; signed, so it never reaches a log line or an error text."""
    query = {
        "app_name": "douyin_web",
        "version_code": VERSION_CODE,
        "webcast_sdk_version": SDK_VERSION,
        "update_version_code": SDK_VERSION,
        "compress": "gzip",
        "device_platform": "web",
        "cookie_enabled": "true",
        "screen_width": "1920",
        "screen_height": "1080",
        "browser_language": "zh-CN",
        "browser_platform": "Win32",
        "browser_name": "Mozilla",
        "browser_version": user_agent.removeprefix("Mozilla/"),
        "browser_online": "true",
        "tz_name": "Asia/Shanghai",
        "cursor": resume.cursor,
        "internal_ext": resume.internal_ext,
        "host": "https://live.douyin.com",
        "aid": "6383",
        "live_id": "1",
        "did_rule": "3",
        "endpoint": "live_pc",
        "support_wrds": "1",
        "user_unique_id": user_unique_id,
        "im_path": "/webcast/im/fetch/",
        "identity": "audience",
        "need_persist_msg_count": "15",
        "insert_task_id": "",
        "live_reason": "",
        "room_id": room_id,
        "heartbeatDuration": "0",
        "signature": signature,
    }
    return f"{server}{PUSH_PATH}?{urlencode(query)}"
