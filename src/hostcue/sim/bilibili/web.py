"""The web API: identity, signing keys, the room's state, its stream, and where comments are."""

from __future__ import annotations

import hashlib
import secrets
import time
import uuid
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from hostcue.sim.bilibili.room import Room

_MIXED = (
    "46 47 18 2 53 8 23 32 15 50 10 31 58 3 45 35 27 43 5 49 33 9 42 19 29 28 14 39 12 38 41 13"
)
_SIGNED_WITHIN_S = 60
_QUALITIES = {"10000": "", "400": "_bd", "250": "_uhd", "150": "_hd", "80": "_sd"}


class WebFace:
    """Answers for a room; `hosts` are those named as comment servers."""

    def __init__(self, room: Room) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.hosts: list[dict[str, object]] = []
        self._room = room
        self._img_key, self._sub_key = secrets.token_hex(16), secrets.token_hex(16)
        self._buvids: set[str] = set()
        self.app = FastAPI(openapi_url=None)
        for path, answer in {
            "/x/frontend/finger/spi": self._identity,
            "/x/web-interface/nav": self._nav,
            "/room/v1/Room/room_init": self._room_init,
            "/xlive/web-room/v1/index/getDanmuInfo": self._comment_servers,
            "/live_user/v1/Master/info": self._anchor,
            "/xlive/web-room/v1/index/getH5InfoByRoom": self._info,
            "/room/v1/Room/playUrl": self._stream,
        }.items():
            self.app.add_api_route(path, answer)

    def change_keys(self) -> None:
        """As each day: signatures with the old ones are good no more."""
        self._img_key, self._sub_key = secrets.token_hex(16), secrets.token_hex(16)

    async def _identity(self, request: Request) -> Response:
        self._note(request)
        buvid = f"{str(uuid.uuid4()).upper()}{secrets.randbelow(99999):05}infoc"
        self._buvids.add(buvid)
        return _good({"b_3": buvid, "b_4": f"{uuid.uuid4()}-infoc"})

    async def _nav(self, request: Request) -> Response:
        self._note(request)
        pictures = "https://i0.hdslb.com/bfs/wbi"
        known = self._uid(request)
        data = {
            "isLogin": known > 0,
            "wbi_img": {
                "img_url": f"{pictures}/{self._img_key}.png",
                "sub_url": f"{pictures}/{self._sub_key}.png",
            },
        }
        if known:
            return _good(data | {"mid": known})
        return JSONResponse({"code": -101, "message": "账号未登录", "data": data})

    async def _room_init(self, request: Request, id: str = "") -> Response:  # noqa: A002 - its name
        self._note(request)
        room = self._room
        if room.faults.is_refusing:
            return _refused(-352)
        if not room.is_named(id):
            return _refused(60004)
        status = 1 if room.is_live else 0
        facts = {"room_id": room.number, "short_id": room.short_id, "uid": room.anchor_uid}
        return _good(facts | {"live_status": status, "is_locked": False, "encrypted": False})

    async def _comment_servers(self, request: Request) -> Response:
        self._note(request)
        room, buvid = self._room, request.cookies.get("buvid3", "")
        refused = room.faults.is_refusing or buvid not in self._buvids
        if refused or (room.faults.wants_signature and not self._is_signed(request)):
            room.seen.refusals += 1
            return _refused(-352)
        if not room.is_named(request.query_params.get("id", "")):
            return _refused(60004)
        key = room.give_key(buvid, self._uid(request))
        return _good({"group": "live", "token": key, "host_list": self.hosts})

    async def _anchor(self, request: Request) -> Response:
        self._note(request)
        info = {"uid": self._room.anchor_uid, "uname": self._room.anchor_name}
        return _good({"info": info})

    async def _info(self, request: Request) -> Response:
        self._note(request)
        return _good({"room_info": {"title": self._room.title, "room_id": self._room.number}})

    async def _stream(self, request: Request, qn: str = "10000") -> Response:
        self._note(request)
        suffix = _QUALITIES.get(qn, "")
        url = self._room.stream_url.removesuffix(".flv") + f"{suffix}.flv"
        return _good({"current_qn": int(qn), "durl": [{"order": 1, "url": url}]})

    def _uid(self, request: Request) -> int:
        login = request.cookies.get("SESSDATA", "")
        return self._room.login_uid if login == self._room.login else 0

    def _is_signed(self, request: Request) -> bool:
        fields = dict(parse_qsl(request.url.query, keep_blank_values=True))
        told = fields.pop("w_rid", "")
        at = fields.get("wts", "")
        if not at.isdecimal() or abs(int(at) - time.time_ns() // 10**9) > _SIGNED_WITHIN_S:
            return False
        raw = self._img_key + self._sub_key
        key = "".join(raw[int(place)] for place in _MIXED.split())
        text = urlencode(sorted(fields.items()), quote_via=quote) + key
        return told == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    def _note(self, request: Request) -> None:
        self.requests.append((str(request.url.path), dict(request.headers)))


def _good(data: object) -> Response:
    return JSONResponse({"code": 0, "message": "0", "ttl": 1, "data": data})


def _refused(code: int) -> Response:
    return JSONResponse({"code": code, "message": str(code), "ttl": 1})
