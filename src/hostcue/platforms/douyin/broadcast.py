"""What Douyin's `web/enter` answers: a broadcast with its streams, or why there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import get_args

from hostcue.errors import (
    AuthRequired,
    Blocked,
    HostcueError,
    NotStreaming,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.room import Quality

LOGIN_REMEDY = "set DOUYIN_COOKIE, or `cookie` for this room, to the cookie of a logged-in browser"
BLOCKED_REMEDY = (
    "wait some minutes, use another network (`proxy` for this room), or set DOUYIN_COOKIE; "
    "trying at once makes it worse"
)
# 403 too: users were refused so with a login cookie as without, until they came later or elsewhere.
BLOCKED_STATUS = (403, 412, 444)
CHANGED_REMEDY = "update hostcue; if that does not help, report what `hostcue doctor` says"
LINK_REMEDY = "check the link; it may be of a room that is gone"
OFFLINE_REMEDY = "start again when the broadcast has begun, or with `monitor`"
WAIT_REMEDY = "try again in half a minute"

_QUALITIES: tuple[Quality, ...] = get_args(Quality)
# Douyin's own labels for its tiers (`resolution_name` in its JSON): 原画 origin, 蓝光 FULL_HD1 and
# uhd, 超清 HD1 and hd, 高清 SD2 and sd, 标清 SD1 and ld, 流畅 md. `ao` is sound only.
_TIERS: dict[str, Quality] = {
    "ORIGIN": "OD",
    "origin": "OD",
    "FULL_HD1": "BD",
    "uhd": "BD",
    "HD1": "UHD",
    "hd": "UHD",
    "SD2": "HD",
    "sd": "HD",
    "SD1": "SD",
    "ld": "SD",
    "md": "LD",
}
_LIVE, _ENDED = 2, 4
_NOT_STREAMING = {1: "is being prepared", 3: "is paused"}
_ROOM_STATUS_ENDED = 2
# `status_code` values seen by others; what is not here is told by the platform's own words.
_OFFLINE_CODE, _BUSY_CODE = 30003, 10001
_TOO_OFTEN_S = 60.0
_LOGIN_CODES = {8, 4003034}  # the login expired; the anchor lets only some accounts in


@dataclass(frozen=True, slots=True)
class Stream:
    """The addresses of one quality; empty where Douyin gives none. They are signed: not shown."""

    flv: str = field(default="", repr=False)
    hls: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A room that is live; `room_id` is this broadcast's, `live_id` the room's."""

    live_id: str
    room_id: str
    anchor_name: str
    title: str
    streams: Mapping[Quality, Stream]

    @classmethod
    def of_tiers(
        cls,
        live_id: str,
        room_id: str,
        anchor_name: str,
        title: str,
        *,
        flv: Mapping[str, object],
        hls: Mapping[str, object],
    ) -> Broadcast:
        """As a library read it: addresses by Douyin's own names of tiers, in any case.

        Raises:
            UpstreamChanged: the broadcast has no id, or no tier that we know.
        """
        by_flv, by_hls = dict[Quality, str](), dict[Quality, str]()
        for urls, named in ((by_flv, flv), (by_hls, hls)):
            for tier, url in named.items():
                _note(urls, tier if tier in _TIERS else tier.upper(), url)
        if not (room_id.isascii() and room_id.isdecimal() and (by_flv or by_hls)):
            raise UpstreamChanged(
                f"Douyin describes {live_id} in a way we do not know", remedy=CHANGED_REMEDY
            )
        return cls(live_id, room_id, anchor_name or live_id, title, _by_quality(by_flv, by_hls))

    def nearest(self, wanted: Quality) -> tuple[Quality, Stream]:
        """The stream in `wanted`, else in the next lower quality there is, else the next higher."""
        at = _QUALITIES.index(wanted)
        for quality in (*_QUALITIES[at:], *reversed(_QUALITIES[:at])):
            if stream := self.streams.get(quality):
                return quality, stream
        raise ValueError("a broadcast has at least one stream")


def parse_enter(body: bytes, live_id: str) -> Broadcast:
    """The broadcast in a `web/enter` answer.

    Raises:
        RoomOffline: only on a positive sign: `status` 4, code 30003, words that say so, or an
            anchor without any room.
        RoomNotFound: neither a room nor an anchor under this id.
        AuthRequired, Blocked, RateLimited: the answer asks for a login, a captcha, or patience.
        NotStreaming: live, but without a picture yet or for the moment.
        TransportFailed: Douyin is busy.
        UpstreamChanged: anything else.
    """
    try:
        answer = _fields(json.loads(body))
    except (ValueError, RecursionError):
        raise _not_json(body) from None
    data = _fields(answer.get("data"))
    code = _number(answer.get("status_code"))
    words = _text(data.get("prompts")) or _text(data.get("message"))
    rooms = data.get("data")
    if isinstance(rooms, list) and rooms and not code:
        return _broadcast(_fields(rooms[0]), live_id, _nickname(data.get("user")))
    if error := _refusal(code, words, live_id):
        raise error
    if code or not (rooms == [] or words):
        raise UpstreamChanged(
            f"Douyin describes {live_id} in a way we do not know (code {code})",
            remedy=CHANGED_REMEDY,
        )
    raise _no_room(data, words, live_id)


def parse_reflow(body: bytes) -> str:
    """The `live_id` in a `room/reflow/info` answer.

    Raises:
        RoomNotFound: the broadcast has no room on the web, or is over and forgotten.
        Blocked, UpstreamChanged: it is no such answer.
    """
    try:
        answer = _fields(json.loads(body))
    except (ValueError, RecursionError):
        raise _not_json(body) from None
    room = _fields(_fields(answer.get("data")).get("room"))
    live_id = _text(_fields(room.get("owner")).get("web_rid"))
    if not live_id:
        raise RoomNotFound("Douyin names no room for this share link", remedy=LINK_REMEDY)
    return live_id


def html_error(body: bytes) -> HostcueError:
    """What a page in place of data means: a challenge, or something we do not know."""
    page = body[:100_000].lower()
    if any(mark in page for mark in (b"captcha", b"verify", b"__ac_nonce", "验证".encode())):
        return Blocked("Douyin asks for a captcha", remedy=BLOCKED_REMEDY)
    return UpstreamChanged("Douyin answered a page in place of data", remedy=CHANGED_REMEDY)


def _not_json(body: bytes) -> HostcueError:
    if body.lstrip()[:1] == b"<":
        return html_error(body)
    return UpstreamChanged("Douyin answered something that is not JSON", remedy=CHANGED_REMEDY)


def _refusal(code: int, words: str, live_id: str) -> HostcueError | None:
    """What a `status_code` or the platform's own words mean; the operator is shown the words."""
    said = f"Douyin says of {live_id}: {words[:100] or 'nothing more'} (code {code})"
    if code == _OFFLINE_CODE or _any(words, "结束", "下播", "finished"):
        return RoomOffline(f"the broadcast of {live_id} has ended", remedy=OFFLINE_REMEDY)
    if _any(words, "不存在", "not exist", "not found"):
        return RoomNotFound(said, remedy=LINK_REMEDY)
    if code in _LOGIN_CODES or _any(words, "登录", "log in", "login"):
        return AuthRequired(said, remedy=LOGIN_REMEDY)
    if _any(words, "验证", "风控", "verify", "captcha"):
        return Blocked(said, remedy=BLOCKED_REMEDY)
    if _any(words, "频繁", "too often"):
        return RateLimited(said, retry_after_s=_TOO_OFTEN_S, remedy=BLOCKED_REMEDY)
    if code == _BUSY_CODE or _any(words, "繁忙", "稍后", "busy", "unavailable"):
        return TransportFailed(said, remedy=WAIT_REMEDY)
    return None


def _no_room(data: Mapping[str, object], words: str, live_id: str) -> HostcueError:
    name = _nickname(data.get("user"))
    if words or name or _number(data.get("room_status")) == _ROOM_STATUS_ENDED:
        return RoomOffline(f"{name or live_id} is not live now", remedy=OFFLINE_REMEDY)
    return RoomNotFound(f"Douyin shows no room under {live_id}", remedy=LINK_REMEDY)


def _broadcast(room: Mapping[str, object], live_id: str, nickname: str) -> Broadcast:
    status = _number(room.get("status"))
    name = nickname or _nickname(room.get("owner")) or live_id
    if status == _ENDED:
        raise RoomOffline(f"{name} is not live now", remedy=OFFLINE_REMEDY)
    if status in _NOT_STREAMING:
        raise NotStreaming(f"the broadcast of {name} {_NOT_STREAMING[status]}", remedy=WAIT_REMEDY)
    room_id = _text(room.get("id_str")) or str(_number(room.get("id")) or "")
    if status != _LIVE or not (room_id.isascii() and room_id.isdecimal()):
        raise UpstreamChanged(
            f"Douyin describes {live_id} in a way we do not know", remedy=CHANGED_REMEDY
        )
    streams = _streams(_fields(room.get("stream_url")))
    if not streams:  # for some seconds after a start there are none
        raise NotStreaming(f"{name} is live, but Douyin names no stream yet", remedy=WAIT_REMEDY)
    return Broadcast(live_id, room_id, name, _text(room.get("title")), streams)


def _streams(stream_url: Mapping[str, object]) -> dict[Quality, Stream]:
    """All qualities that the three places name; the SDK's list wins, since only it has ORIGIN."""
    flv, hls = dict[Quality, str](), dict[Quality, str]()
    for tier, url in _fields(stream_url.get("flv_pull_url")).items():
        _note(flv, tier, url)
    for tier, url in _fields(stream_url.get("hls_pull_url_map")).items():
        _note(hls, tier, url)
    for tier, main in _sdk_tiers(stream_url):
        _note(flv, tier, main.get("flv"))
        _note(hls, tier, main.get("hls"))
    return _by_quality(flv, hls)


def _by_quality(flv: Mapping[Quality, str], hls: Mapping[Quality, str]) -> dict[Quality, Stream]:
    return {
        quality: Stream(flv.get(quality, ""), hls.get(quality, ""))
        for quality in _QUALITIES
        if quality in flv or quality in hls
    }


def _note(urls: dict[Quality, str], tier: str, url: object) -> None:
    quality = _TIERS.get(tier)
    address = _text(url)
    if quality and address.startswith(("http://", "https://")):
        urls[quality] = address


def _sdk_tiers(stream_url: Mapping[str, object]) -> Iterator[tuple[str, Mapping[str, object]]]:
    """Tiers of `live_core_sdk_data.pull_data.stream_data`, which is JSON inside a string."""
    pull_data = _fields(_fields(stream_url.get("live_core_sdk_data")).get("pull_data"))
    try:
        stream_data = _fields(json.loads(_text(pull_data.get("stream_data")) or "{}"))
    except (ValueError, RecursionError):
        return  # the other two lists still serve
    for tier, value in _fields(stream_data.get("data")).items():
        yield tier, _fields(_fields(value).get("main"))


def _any(words: str, *needles: str) -> bool:
    low = words.lower()
    return any(needle in low for needle in needles)


def _nickname(user: object) -> str:
    return _text(_fields(user).get("nickname"))


def _fields(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    """A string without lone surrogates, which JSON can spell and no database can store."""
    return value.encode("utf-8", "replace").decode().strip() if isinstance(value, str) else ""


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
