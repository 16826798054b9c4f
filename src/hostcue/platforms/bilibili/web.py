"""The questions that Bilibili's room page asks before it can show comments."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlencode

import httpx2

from hostcue.errors import (
    AuthRequired,
    Blocked,
    ConfigError,
    RateLimited,
    RoomNotFound,
    SignatureRefused,
    UpstreamChanged,
)
from hostcue.model.clock import now_ms
from hostcue.model.network import Proxies
from hostcue.model.room import DEFAULT_ACCESS, Access
from hostcue.platforms.bilibili import node
from hostcue.platforms.bilibili.node import CHANGED_REMEDY, Node
from hostcue.platforms.bilibili.wbi import mixed_key, signed
from hostcue.platforms.gates import Gates
from hostcue.platforms.http import exchange, refusal

LIVE_URL = "https://api.live.bilibili.com"
MAIN_URL = "https://api.bilibili.com"
SITE = "https://live.bilibili.com"
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/154.0.0.0 Safari/537.36"
)
BLOCKED_REMEDY = (
    "wait some minutes, watch fewer rooms from one network, or give the cookie of a logged-in "
    "browser with the room or as HOSTCUE_BILIBILI_COOKIE"
)
LOGIN_REMEDY = (
    "give the cookie of a logged-in browser anew, with the room or as HOSTCUE_BILIBILI_COOKIE"
)
_LIVE = 1
_REFUSED, _TOO_FAST, _NOT_LOGGED_IN = {-352, -412}, {-509, -799}, -101
_NO_ROOM = {1, 60004, 19002000}


@dataclass(frozen=True, slots=True)
class RoomState:
    """`number` is the room's real one, whatever the link says; a replay is not live."""

    number: int
    is_live: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """What a comment server asks for; `key` is a secret that is good for these servers.

    `servers` are `wss://host:port`, in the order to try.
    """

    key: str
    servers: tuple[str, ...]
    uid: int
    buvid: str


class BilibiliWeb:
    """Bilibili's web face as one visitor sees it.

    Args:
        http: the client; whoever made it closes it.
        live_url, main_url: its two API hosts.
        cookie: a login, or empty: guests are shown masked names.
        access, proxies: how it is reached.
        gates: of the whole platform.
        timeout_s: for one request.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        gates: Gates,
        proxies: Proxies,
        live_url: str = LIVE_URL,
        main_url: str = MAIN_URL,
        cookie: str = "",
        access: Access = DEFAULT_ACCESS,
        timeout_s: float = 10.0,
    ) -> None:
        self.http = http
        self.proxies = proxies
        self._gates = gates
        self._live_url = live_url
        self._main_url = main_url
        self._login = checked(cookie)
        self._access = access
        self._timeout_s = timeout_s
        self._buvid = _named(self._login, "buvid3")
        self._uid = 0
        self._wbi_key = ""

    @property
    def cookie_header(self) -> str:
        """The `Cookie` header as far as it is known; a secret."""
        if _named(self._login, "buvid3") or not self._buvid:
            return self._login
        return "; ".join(filter(None, (f"buvid3={self._buvid}", self._login)))

    async def room(self, live_id: str) -> RoomState:
        """A room's state, by the number in its link, which may be a short one.

        Raises:
            RoomNotFound: there is none.
            UpstreamError: it could not be asked.
        """
        async with self._gates.asking("room", access=self._access, room=live_id):
            path = f"{self._live_url}/room/v1/Room/room_init?{urlencode({'id': live_id})}"
            answer = await self._ask(path)
            if answer["code"].number in _NO_ROOM:
                raise RoomNotFound(
                    f"Bilibili knows no room {live_id}", field="live_url", remedy="check the link"
                )
            data = _good(answer)
            if not data["room_id"].number:
                raise _changed()
            return RoomState(data["room_id"].number, data["live_status"].number == _LIVE)

    async def entry(self, number: int) -> Entry:
        """Where a room's comments are pushed from, and the key to it, fresh each time.

        A refusal is answered by another identity and new signing keys, once.

        Raises:
            SignatureRefused, Blocked: that did not help.
            UpstreamError: it could not be asked.
        """
        async with self._gates.asking("comments", access=self._access):
            try:
                return await self._entry(number)
            except Blocked:
                self.renew()
            return await self._entry(number)

    def renew(self) -> None:
        """Become somebody else, as far as no login says who we are, with new keys, at next use."""
        self._wbi_key = ""
        self._buvid = _named(self._login, "buvid3")

    async def _entry(self, number: int) -> Entry:
        if not self._buvid:
            spi = _good(await self._ask(f"{self._main_url}/x/frontend/finger/spi"))
            self._buvid = spi["b_3"].text
        if not self._wbi_key:
            await self._learn_key()
        query = {"id": str(number), "type": "0", "web_location": "444.8"}
        signed_query = signed(query, self._wbi_key, at_s=now_ms() // 1000)
        path = "/xlive/web-room/v1/index/getDanmuInfo"
        data = _good(await self._ask(f"{self._live_url}{path}?{signed_query}"))
        if data["v_voucher"]:
            raise SignatureRefused("Bilibili does not take our signature", remedy=BLOCKED_REMEDY)
        if not data["token"].text:
            raise _changed()
        return Entry(data["token"].text, _servers(data["host_list"]), self._uid, self._buvid)

    async def _learn_key(self) -> None:
        answer = await self._ask(f"{self._main_url}/x/web-interface/nav")
        pictures = answer["data"]["wbi_img"]  # also where code says that nobody is logged in
        key = mixed_key(pictures["img_url"].text, pictures["sub_url"].text)
        if not key:
            _good(answer)
            raise _changed()
        if self._login and "SESSDATA" in self._login and not answer["data"]["isLogin"]:
            raise AuthRequired("Bilibili does not know this login any more", remedy=LOGIN_REMEDY)
        self._wbi_key, self._uid = key, answer["data"]["mid"].number

    async def _ask(self, url: str) -> Node:
        headers = {"User-Agent": USER_AGENT, "Referer": f"{SITE}/", "Origin": SITE}
        if cookie := self.cookie_header:
            headers["Cookie"] = cookie
        request = self.http.build_request("GET", url, headers=headers)
        response = await exchange(self.http, request, timeout_s=self._timeout_s)
        error = refusal(response, "Bilibili", remedy=BLOCKED_REMEDY, blocks={412})
        if error is not None:
            raise error
        return node.read(response.content)


def checked(cookie: str) -> str:
    """The cookie, if it can stand in a header: the HTTP library's own error would quote it.

    Raises:
        ConfigError: it cannot.
    """
    cookie = cookie.strip().strip(";")
    if not (cookie.isascii() and cookie.isprintable()):
        raise ConfigError(
            "the login cookie holds characters that no cookie has",
            field="HOSTCUE_BILIBILI_COOKIE",
            remedy="copy the value of the Cookie header from the browser's network view",
        )
    return cookie


def _good(answer: Node) -> Node:
    """The data of an answer that is one."""
    match answer["code"].value:
        case 0:
            return answer["data"]
        case code if code in _REFUSED:
            raise Blocked(f"Bilibili blocks us (code {code})", remedy=BLOCKED_REMEDY)
        case code if code in _TOO_FAST:
            raise RateLimited(
                "Bilibili asks us to slow down",
                retry_after_s=30.0,
                remedy="nothing to do: it is asked again later",
            )
        case code if code == _NOT_LOGGED_IN:
            raise AuthRequired("Bilibili wants a login", remedy=LOGIN_REMEDY)
        case _:
            raise _changed()


def _servers(hosts: Node) -> tuple[str, ...]:
    """Those of Bilibili's own network: an answer is no order to connect anywhere."""
    found: dict[str, None] = {}
    for host in hosts.each():
        name, port = host["host"].text.lower(), host["wss_port"].number
        plain = name.replace(".", "").replace("-", "").isalnum() and name.isascii()
        if plain and name.endswith(".bilibili.com") and 0 < port < 1 << 16:
            found[f"wss://{name}:{port}"] = None
    return tuple(found)


def _changed() -> UpstreamChanged:
    return UpstreamChanged("Bilibili answered in a way we do not understand", remedy=CHANGED_REMEDY)


def _named(cookie: str, name: str) -> str:
    try:
        jar: Mapping[str, object] = SimpleCookie(cookie)
    except CookieError:
        return ""
    found = jar.get(name)
    return str(getattr(found, "value", ""))
