"""Douyin's web interface, as the recorder and the comments share it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol
from urllib.parse import parse_qs, quote, urlencode, urljoin, urlsplit

import anyio
import httpx2
import structlog

from hostcue.errors import (
    BadRequest,
    Blocked,
    HostcueError,
    NotStreaming,
    RateLimited,
    RoomError,
    RoomNotFound,
    TransportFailed,
    UpstreamChanged,
    UpstreamError,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import DEFAULT_ACCESS, Access
from hostcue.platforms.douyin import a_bogus, links
from hostcue.platforms.douyin.broadcast import (
    BLOCKED_REMEDY,
    BLOCKED_STATUS,
    CHANGED_REMEDY,
    Broadcast,
    html_error,
    parse_enter,
    parse_reflow,
)
from hostcue.platforms.douyin.identity import Identity
from hostcue.platforms.douyin.inquiry import Inquiry
from hostcue.platforms.douyin.queries import enter_query, fetch_query, reflow_query
from hostcue.platforms.gates import Gates
from hostcue.platforms.http import check_address, exchange, refusal

__all__ = ["Broadcast", "DouyinWeb", "Endpoint", "Way"]

log = structlog.get_logger(__name__)

Endpoint = Literal["enter", "page", "fetch", "share"]
"""What has a breaker of its own: the call about a room, its page, messages, share links."""

_MAX_HOPS = 5


class Way(Protocol):
    """Another way to learn about a room's broadcast than our own.

    Its "nobody is live" is not believed: libraries say it of a captcha or a changed page too.
    """

    name: str
    endpoint: Endpoint

    async def ask(self, web: DouyinWeb, live_id: str) -> Broadcast:
        """One question, as the visitor that `web` is; errors as for `DouyinWeb.enter`."""
        ...


class DouyinWeb:
    """Requests to Douyin's web face, each signed and sent as one and the same visitor.

    Asking is what risk control counts, so one room is asked for once at a time: whoever waits gets
    the same answer. A good one is kept for `cache_s`, long enough for recorder and comments to
    share it, too short to name a stream that is gone since. `gates` is shared by all visitors.
    Where our own way fails, the others of `ways` are tried in their order; after a refusal one of
    them at most, and only one that asks elsewhere.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        base_url: str = links.WEB_URL,
        cookie: str | None = None,
        access: Access = DEFAULT_ACCESS,
        proxies: Proxies | None = None,
        policy: AddressPolicy | None = None,
        gates: Gates | None = None,
        ways: Sequence[Way] = (),
        cache_s: float = 2.5,
        timeout_s: float = 10.0,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.identity = Identity(http, base_url=self.base_url, cookie=cookie, timeout_s=timeout_s)
        self.http = http
        self.proxies = proxies or Proxies()
        self.policy = policy or AddressPolicy()
        self.timeout_s = timeout_s
        self._access = access
        self._gates = gates or Gates("Douyin")
        self._ways = ways
        self._cache_s = cache_s
        self._inquiries: dict[str, Inquiry] = {}

    @property
    def has_own_access(self) -> bool:
        """Whether this visitor has a cookie or a proxy that is not the settings'."""
        return self._access != DEFAULT_ACCESS

    async def enter(self, live_id: str, *, fresh: bool = False) -> Broadcast:
        """The broadcast of a room; `fresh` asks anew even if the last answer is young.

        Raises:
            RoomOffline: nobody is live, said positively.
            RoomNotFound, Blocked, AuthRequired, RateLimited, UpstreamChanged, TransportFailed,
                NotStreaming: as their names say.
            BadRequest: no room can have this id.
        """
        if not links.is_live_id(live_id):
            raise BadRequest(
                "this cannot be the id of a Douyin room",
                field="live_id",
                remedy="take the last part of https://live.douyin.com/<id>",
            )
        asked_s = anyio.current_time()
        self._forget(asked_s)
        inquiry = self._inquiries.setdefault(live_id, Inquiry())
        async with inquiry.lock:
            answer = inquiry.recall(asked_s, 0.0 if fresh else self._cache_s)
            if answer is None:
                answer = await self._inquire(live_id)
                inquiry.answer, inquiry.answered_s = answer, anyio.current_time()
        if isinstance(answer, Broadcast):
            return answer
        raise answer

    async def fetch(self, room_id: str, *, cursor: str = "", internal_ext: str = "") -> bytes:
        """The protobuf `Response` with the messages after a cursor, both out of the one before.

        Without a cursor it has the newest ones: what a comment connection starts from. Errors as
        for `enter`.
        """
        identity = self.identity
        query = fetch_query(
            room_id,
            identity.user_agent,
            identity.user_unique_id,
            cursor=cursor,
            internal_ext=internal_ext,
        )
        async with self._gates.asking("fetch", access=self._access, counted=False):
            response = await self._get("/webcast/im/fetch/", query)
            start = response.content.lstrip()[:1]  # no such protobuf message begins like these
            if start == b"<":
                raise html_error(response.content)
            if start == b"{":
                raise UpstreamChanged(
                    "Douyin answered JSON in place of messages", remedy=CHANGED_REMEDY
                )
            return response.content

    async def live_id_of(self, short_link: str) -> str:
        """The room that a share link leads to.

        Its redirects are followed here, each one inside Douyin and to a public address only.

        Raises:
            RoomNotFound: it leads to something else than a live room.
            PrivateAddress, BadRequest: it leads to where we do not go.
            UpstreamError: as for `enter`.
        """
        async with self._gates.asking("share", access=self._access):
            return await self._follow(short_link)

    async def _follow(self, url: str) -> str:
        for _ in range(_MAX_HOPS + 1):
            found = links.parse(url, web_url=self.base_url)
            if isinstance(found, links.LinkRef):
                return found.live_id
            if not links.is_douyin(url, web_url=self.base_url):
                raise BadRequest(
                    "this share link leads away from Douyin",
                    field="live_url",
                    remedy="open the live room and share it from there",
                )
            await check_address(self.policy, url)
            if room_id := links.reflow_room_id(url):
                return await self._live_id_of_broadcast(room_id, url)
            response = await self._send(url, {"User-Agent": self.identity.user_agent})
            location = response.headers.get("location")
            if not (response.is_redirect and location):
                break
            url = _joined(url, location)
        raise RoomNotFound(
            "this share link does not lead to a live room",
            remedy="open the live room and share it from there",
        )

    async def _inquire(self, live_id: str) -> Broadcast | HostcueError:
        """What our own way tells; what another does, where ours can't."""
        try:
            return await self._enter(live_id)
        except NotStreaming as exc:
            return exc
        except (Blocked, RateLimited, TransportFailed, UpstreamChanged) as exc:
            return await self._otherwise(live_id, exc) or exc
        except HostcueError as exc:
            return exc

    async def _enter(self, live_id: str) -> Broadcast:
        async with self._gates.asking("enter", access=self._access, room=live_id):
            try:
                query = enter_query(live_id, self.identity.user_agent)
                response = await self._get("/webcast/room/web/enter/", query, referer=live_id)
                return parse_enter(response.content, live_id)
            except Blocked:
                self.identity.expire()  # the visitor id may be what is blocked
                raise

    async def _otherwise(self, live_id: str, trouble: UpstreamError) -> Broadcast | None:
        """Try the other ways; None if none of them finds a broadcast."""
        refused: set[Endpoint] = set()
        if not isinstance(trouble, UpstreamChanged):
            refused.add("enter")
        for way in self._ways:
            if way.endpoint in refused:
                continue
            try:
                async with self._gates.asking(way.endpoint, access=self._access, room=live_id):
                    found = await way.ask(self, live_id)
            except HostcueError as exc:
                log.info("douyin_way_failed", way=way.name, code=exc.code)
                if refused:
                    break  # each further question would make it worse
                if not isinstance(exc, (UpstreamChanged, RoomError)):
                    refused.add(way.endpoint)
            else:
                log.info("douyin_way_found", way=way.name, instead=trouble.code)
                return found
        return None

    async def _live_id_of_broadcast(self, room_id: str, url: str) -> str:
        """Ask what the page behind an app's share link asks: whose broadcast is this?"""
        parts = urlsplit(url)
        sec_user_id = parse_qs(parts.query).get("sec_user_id", [""])[0]
        api = f"{parts.scheme}://{parts.netloc}/webcast/room/reflow/info/"
        headers = {"User-Agent": self.identity.user_agent, "Referer": url}
        response = await self._send(
            f"{api}?{self._signed(reflow_query(room_id, sec_user_id))}", headers
        )
        return parse_reflow(response.content)

    async def _get(self, path: str, query: dict[str, str], *, referer: str = "") -> httpx2.Response:
        headers = {
            "User-Agent": self.identity.user_agent,
            "Cookie": await self.identity.cookie_header(),
            "Referer": f"{self.base_url}/{referer}",
            "Accept": "application/json, text/plain, */*",
            "Accept-Language": "zh-CN,zh;q=0.9",
        }
        response = await self._send(f"{self.base_url}{path}?{self._signed(query)}", headers)
        if response.is_redirect:
            raise Blocked("Douyin sends us to another page", remedy=BLOCKED_REMEDY)
        if not response.is_success:
            raise UpstreamChanged(
                f"Douyin answered HTTP {response.status_code}", remedy=CHANGED_REMEDY
            )
        if not response.content:
            raise Blocked(
                "Douyin answered nothing, its sign of risk control", remedy=BLOCKED_REMEDY
            )
        return response

    async def _send(self, url: str, headers: dict[str, str]) -> httpx2.Response:
        try:
            request = self.http.build_request("GET", url, headers=headers)
        except httpx2.InvalidURL:
            raise _no_url() from None
        response = await exchange(self.http, request, timeout_s=self.timeout_s)
        error = refusal(response, "Douyin", remedy=BLOCKED_REMEDY, blocks=BLOCKED_STATUS)
        if error is not None:
            raise error
        return response

    def _signed(self, query: dict[str, str]) -> str:
        text = urlencode(query)
        return f"{text}&a_bogus={quote(a_bogus.sign(text, self.identity.user_agent), safe='')}"

    def _forget(self, now_s: float) -> None:
        """Drop answers that serve nobody any more, so that asking for many rooms costs nothing."""
        for live_id, inquiry in list(self._inquiries.items()):
            if not inquiry.lock.locked() and now_s - inquiry.answered_s > self._cache_s:
                del self._inquiries[live_id]


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _no_url() from None


def _no_url() -> BadRequest:
    return BadRequest(
        "this share link leads to no URL",
        field="live_url",
        remedy="open the live room and share it from there",
    )
