"""The web face: the room's page and the two calls that its player makes."""

from __future__ import annotations

import json
import secrets
import time

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.broadcast import Broadcast, Rooms
from hostcue.sim.douyin.faults import PollRefusal
from hostcue.sim.douyin.messages import now_ms
from hostcue.sim.douyin.page import page_body

_LIVING, _ENDED = 2, 4
_END_MESSAGE = 3

# Tier in `stream_data`, its name in `flv_pull_url`, suffix of the stream, size, bit rate.
_TIERS = (
    ("origin", None, "", "1080x1920", 4_000_000),
    ("uhd", "FULL_HD1", "_uhd", "1080x1920", 3_000_000),
    ("hd", "HD1", "_hd", "720x1280", 2_000_000),
    ("sd", "SD2", "_sd", "540x960", 1_000_000),
    ("ld", "SD1", "_ld", "360x640", 600_000),
)


class WebFace:
    """Answers for every room of one pretend Douyin."""

    def __init__(self, rooms: Rooms) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self._rooms = rooms
        self._polled_s: dict[str, float] = {}
        self.app = FastAPI(openapi_url=None)
        self.app.add_api_route("/", self._home)
        self.app.add_api_route("/share/{code}", self._share)
        self.app.add_api_route("/webcast/room/web/enter/", self._enter)
        self.app.add_api_route("/webcast/im/fetch/", self._fetch)
        self.app.add_api_route("/{web_rid}", self._page)

    async def _home(self, request: Request) -> Response:
        self._note(request)
        answer = HTMLResponse(_html("抖音直播"))
        answer.set_cookie("ttwid", _new_ttwid())
        return answer

    async def _share(self, request: Request, code: str) -> Response:
        self._note(request)
        room = self._rooms.by_live_id(code) or self._rooms.first
        return RedirectResponse(f"/{room.live_id}", 302)

    async def _page(self, request: Request, web_rid: str) -> Response:
        self._note(request)
        known = self._rooms.by_live_id(web_rid)
        room = known or self._rooms.first
        if room.faults.risk_control is not None:
            return _refuse(room.faults.risk_control)
        if "__ac_nonce" not in request.cookies:
            challenge = HTMLResponse(_html("", "<script>location.reload()</script>"))
            challenge.set_cookie("__ac_nonce", "0" + secrets.token_hex(10))
            return challenge
        guest_id = _guest_id()
        body = _state_script(_page_state(room, known is not None, _is_live(room), guest_id))
        if known is not None:
            body += page_body(room, room.faults.page, guest_id)
        answer = HTMLResponse(_html("抖音直播", body))
        if "ttwid" not in request.cookies:
            answer.set_cookie("ttwid", _new_ttwid(), max_age=86_400)
        return answer

    async def _enter(self, request: Request, web_rid: str = "", a_bogus: str = "") -> Response:
        self._note(request)
        room = self._rooms.by_live_id(web_rid) or self._rooms.first
        if room.faults.risk_control is not None:
            return _refuse(room.faults.risk_control)
        if not a_bogus or "ttwid" not in request.cookies:
            return Response()  # what risk control looks like: 200 and nothing
        return JSONResponse(_enter_answer(room, web_rid, _is_live(room)))

    async def _fetch(
        self,
        request: Request,
        room_id: str = "",
        user_unique_id: str = "",
        cursor: str = "",
        a_bogus: str = "",
        resp_content_type: str = "protobuf",
    ) -> Response:
        """The polling endpoint: what came after the cursor, and the cursor for the next time."""
        self._note(request)
        room = self._rooms.by_room_id(room_id)
        room.seen.polls += 1
        why = room.faults.risk_control or room.faults.poll_refusal
        if why is not None:
            return _refuse(why)
        ttwid = request.cookies.get("ttwid", "")
        if not a_bogus or not ttwid or self._is_hasty(room, ttwid):
            return Response()
        is_present = room_id == room.room_id
        messages: list[pb.Message] = []
        up_to: int | None = None
        if is_present and (room.is_live or room.has_ended):
            is_guest = "sessionid" not in request.cookies
            messages, up_to = room.poll(cursor, is_guest=is_guest)
        if room.has_ended or not is_present:
            messages.append(room.writer.control(_END_MESSAGE))
        answer = room.respond(messages, user_unique_id=user_unique_id, need_ack=False, up_to=up_to)
        if resp_content_type == "json":
            return JSONResponse(_fetch_answer(answer))
        return Response(answer.SerializeToString(), media_type="application/x-protobuf")

    def _is_hasty(self, room: Broadcast, ttwid: str) -> bool:
        """Whether the same visitor asked for the same room a moment ago."""
        key, now_s = f"{room.live_id} {ttwid}", time.monotonic()
        before_s = self._polled_s.get(key)
        self._polled_s[key] = now_s
        return before_s is not None and now_s - before_s < room.faults.poll_gap_s

    def _note(self, request: Request) -> None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.requests.append((target, dict(request.headers)))


def _is_live(room: Broadcast) -> bool:
    """What one answer says about it."""
    if room.faults.flaps:
        room.faults.flaps -= 1
        return False
    return room.is_live


def _refuse(how: PollRefusal) -> Response:
    match how:
        case "captcha":
            return HTMLResponse(_html("验证码中间页", '<div id="captcha_container"></div>'))
        case "empty":
            return Response()
        case "garbage":
            return Response(b"\xff\xff no protobuf", media_type="application/x-protobuf")
        case _:
            return Response(status_code=int(how))


def _html(title: str, body: str = "") -> str:
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"


def _state_script(state: object) -> str:
    """The page's state as the platform embeds it: JSON inside a JSON string inside a script."""
    inner = json.dumps(["$", "$L10", None, state], ensure_ascii=False, separators=(",", ":"))
    pushed = json.dumps(f"c:{inner}\n", ensure_ascii=False).replace("<", "\\u003c")
    return f"<script>self.__pace_f=[]</script><script>self.__pace_f.push([1,{pushed}])</script>"


def _page_state(broadcast: Broadcast, known: bool, is_live: bool, guest_id: str) -> object:
    info: dict[str, object] = {"web_rid": broadcast.live_id} if known else {}
    if known:
        info |= {
            "roomId": broadcast.room_id,
            "room": _room(broadcast, is_live),
            "anchor": _anchor(broadcast),
        }
    return {
        "state": {
            "roomStore": {"roomInfo": info, "liveStatus": "normal"},
            "streamStore": {"streamData": {}},
            "userStore": {"odin": {"user_id": "0", "user_unique_id": guest_id}},
        }
    }


def _new_ttwid() -> str:
    return f"1%7C{secrets.token_urlsafe(24)}%7C{int(time.monotonic())}"


def _guest_id() -> str:
    return str(7_300_000_000_000_000_000 + secrets.randbelow(699_000_000_000_000_000))


def _enter_answer(broadcast: Broadcast, web_rid: str, is_live: bool) -> object:
    if web_rid != broadcast.live_id:
        data: dict[str, object] = {"data": [], "prompts": "直播间不存在"}
    else:
        data = {
            "data": [_room(broadcast, is_live)],
            "enter_room_id": broadcast.room_id,
            "user": _anchor(broadcast),
            "room_status": 0 if is_live else 2,
            "web_stream_url": None,
        }
    return {"data": data, "extra": {"now": now_ms()}, "status_code": 0}


def _fetch_answer(answer: pb.Response) -> object:
    """The answer as the few clients want it that ask for JSON: heads of messages, no bodies."""
    heads = [{"method": one.method, "msg_id": str(one.msg_id)} for one in answer.messages]
    return {
        "data": [{"common": head} for head in heads],
        "extra": {"cursor": answer.cursor, "now": answer.now},
        "internal_ext": answer.internal_ext,
        "status_code": 0,
    }


def _anchor(broadcast: Broadcast) -> dict[str, object]:
    return {
        "id_str": "9" + broadcast.live_id,
        "sec_uid": f"MS4wLjABAAAA-pretended-{broadcast.live_id}",
        "nickname": broadcast.anchor_name,
        "avatar_thumb": {"url_list": []},
    }


def _room(broadcast: Broadcast, is_live: bool) -> dict[str, object]:
    status = _LIVING if is_live else _ENDED
    room: dict[str, object] = {
        "id_str": broadcast.room_id,
        "status": status,
        "status_str": str(status),
        "title": broadcast.title,
        "user_count_str": "2000+",
        "owner": _anchor(broadcast),
    }
    if is_live:
        room["stream_url"] = _stream_url(broadcast)
    return room


def _stream_url(broadcast: Broadcast) -> dict[str, object]:
    flv = {tier: _signed(broadcast, broadcast.flv_url, suffix) for tier, _, suffix, *_ in _TIERS}
    hls = {
        tier: _signed(broadcast, broadcast.hls_url, suffix) if broadcast.hls_url else ""
        for tier, _, suffix, *_ in _TIERS
    }
    names = {name: tier for tier, name, *_ in _TIERS if name}
    streams = {
        tier: {
            "main": {
                "flv": flv[tier],
                "hls": hls[tier],
                "sdk_params": json.dumps(
                    {"VCodec": "h264", "vbitrate": bits, "resolution": size, "gop": 1}
                ),
            }
        }
        for tier, _, _, size, bits in _TIERS
    }
    return {
        "flv_pull_url": {name: flv[tier] for name, tier in names.items()},
        "default_resolution": "HD1",
        "hls_pull_url_map": {name: hls[tier] for name, tier in names.items() if hls[tier]},
        "hls_pull_url": hls["hd"],
        "stream_orientation": 1,
        "live_core_sdk_data": {
            "pull_data": {"stream_data": json.dumps({"common": {}, "data": streams})}
        },
    }


def _signed(broadcast: Broadcast, url: str, suffix: str) -> str:
    """The URL of one quality; each answer signs it anew."""
    stem, dot, extension = url.rpartition(".")
    return broadcast.sign(f"{stem}{suffix}{dot}{extension}")
