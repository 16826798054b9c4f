"""The query strings of Douyin's web interface, before they are signed."""

from __future__ import annotations

import re


def enter_query(live_id: str, user_agent: str) -> dict[str, str]:
    """For `webcast/room/web/enter/`: which broadcast runs in a room, and its streams."""
    chrome = re.search(r"Chrome/([\d.]+)", user_agent)
    return {
        "aid": "6383",
        "app_name": "douyin_web",
        "live_id": "1",
        "device_platform": "web",
        "language": "zh-CN",
        "enter_from": "page_refresh",
        **_SCREEN,
        "browser_name": "Chrome",
        "browser_version": chrome.group(1) if chrome else "",
        "web_rid": live_id,
        "is_need_double_stream": "false",
        "msToken": "",
    }


def fetch_query(
    room_id: str,
    user_agent: str,
    user_unique_id: str,
    *,
    cursor: str = "",
    internal_ext: str = "",
) -> dict[str, str]:
    """For `webcast/im/fetch/`: the messages after a cursor, and where to listen for more."""
    return {
        "resp_content_type": "protobuf",
        "did_rule": "3",
        "device_id": "",
        "app_name": "douyin_web",
        "endpoint": "live_pc",
        "support_wrds": "1",
        "user_unique_id": user_unique_id,
        "identity": "audience",
        "need_persist_msg_count": "15",
        "room_id": room_id,
        "version_code": "180800",
        "last_rtt": "0",
        "live_id": "1",
        "aid": "6383",
        "fetch_rule": "1",
        "cursor": cursor,
        "internal_ext": internal_ext,
        "device_platform": "web",
        **_SCREEN,
        "browser_name": "Mozilla",
        "browser_version": user_agent.removeprefix("Mozilla/"),
        "msToken": "",
    }


def reflow_query(room_id: str, sec_user_id: str) -> dict[str, str]:
    """For `webcast/room/reflow/info/`: whose broadcast a share link of the app means."""
    return {
        "verifyFp": "",
        "type_id": "0",
        "live_id": "1",
        "room_id": room_id,
        "sec_user_id": sec_user_id,
        "version_code": "99.99.99",
        "app_id": "1128",
    }


# What the signature claims as well: streamget's `ab_sign` signs for this screen and platform.
_SCREEN = {
    "cookie_enabled": "true",
    "screen_width": "1920",
    "screen_height": "1080",
    "browser_language": "zh-CN",
    "browser_platform": "Win32",
}
