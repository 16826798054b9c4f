from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Literal, Protocol
from urllib.parse import parse_qs, urlsplit

import anyio
import pytest
from fastapi import Request, Response
from fastapi.responses import JSONResponse

from hostcue.errors import (
    AuthRequired,
    BadRequest,
    Blocked,
    ConfigError,
    HostcueError,
    PrivateAddress,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.douyin.identity import Identity
from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.platforms.douyin.web import Broadcast, DouyinWeb
from hostcue.platforms.gates import Gates
from hostcue.platforms.http import open_http
from hostcue.sim.douyin import DouyinFace

FLV = "http://127.0.0.1:9/live/room.flv"
LIVE_ID = "80017709309"
COOKIE = "sessionid=c0ffee"


class Upstream(Protocol):
    url: str
    requests: list[tuple[str, dict[str, str]]]
    answer: Callable[[Request], Awaitable[Response]]

    def always(self, response: object) -> None: ...


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    async with DouyinFace.open(flv_url=FLV, live_id=LIVE_ID, anchor_name="小满", script=()) as face:
        yield face


@asynccontextmanager
async def douyin(
    base_url: str,
    *,
    cookie: str | None = None,
    allow_private: bool = True,
    cache_s: float = 15.0,
    timeout_s: float = 10.0,
    open_s: float = 180.0,
) -> AsyncIterator[DouyinWeb]:
    async with open_http(Proxies()) as http:
        yield DouyinWeb(
            http,
            base_url=base_url,
            cookie=cookie,
            policy=AddressPolicy(allow_private),
            gates=Gates("Douyin", breaker=lambda: Breaker(open_s=open_s)),
            cache_s=cache_s,
            timeout_s=timeout_s,
        )


def paths(server: DouyinFace | Upstream) -> list[str]:
    return [target.partition("?")[0] for target, _ in server.requests]


def enters(server: DouyinFace | Upstream) -> int:
    return paths(server).count("/webcast/room/web/enter/")


async def test_a_live_room_is_entered(face: DouyinFace) -> None:
    async with douyin(face.web_url) as web:
        found = await web.enter(LIVE_ID)
    assert isinstance(found, Broadcast)
    assert found.room_id == face.room_id
    assert found.anchor_name == "小满"
    assert found.nearest("OD")[1].flv.startswith(FLV)


async def test_each_request_is_signed_and_sent_as_one_visitor(face: DouyinFace) -> None:
    async with douyin(face.web_url, cookie=COOKIE) as web:
        await web.enter(LIVE_ID)
        await web.fetch(face.room_id)
        agent, unique_id = web.identity.user_agent, web.identity.user_unique_id
    assert paths(face) == ["/", "/webcast/room/web/enter/", "/webcast/im/fetch/"]
    (_, home), (enter, first), (fetch, second) = face.requests
    assert {home["user-agent"], first["user-agent"], second["user-agent"]} == {agent}
    assert first["cookie"] == second["cookie"]
    assert first["cookie"].startswith("ttwid=")
    assert COOKIE in first["cookie"]
    assert "cookie" not in home  # a visitor id is asked for by somebody without one
    assert parse_qs(urlsplit(enter).query)["a_bogus"]
    assert parse_qs(urlsplit(fetch).query)["user_unique_id"] == [unique_id]
    assert len(unique_id) == 19


async def test_a_renewed_identity_is_another_visitor(face: DouyinFace) -> None:
    async with douyin(face.web_url) as web:
        before = (web.identity.user_unique_id, await web.identity.cookie_header())
        await web.identity.renew()
        after = (web.identity.user_unique_id, await web.identity.cookie_header())
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert paths(face) == ["/", "/"]


async def test_a_cookie_that_brings_its_own_visitor_id_is_sent_as_it_is(face: DouyinFace) -> None:
    cookie = f"ttwid=mine; {COOKIE}"
    async with douyin(face.web_url, cookie=cookie) as web:
        await web.enter(LIVE_ID)
        assert await web.identity.cookie_header() == cookie
    assert paths(face) == ["/webcast/room/web/enter/"]


async def test_the_login_cookie_is_not_shown() -> None:
    async with open_http(Proxies()) as http:
        assert "c0ffee" not in repr(Identity(http, base_url="http://a.invalid", cookie=COOKIE))


@pytest.mark.parametrize("cookie", ["sessionid=秘密", "a=b\r\nX: y"])
async def test_a_cookie_no_header_can_hold_is_refused_without_quoting_it(cookie: str) -> None:
    async with open_http(Proxies()) as http:
        with pytest.raises(ConfigError) as caught:
            Identity(http, base_url="http://a.invalid", cookie=cookie)
    assert caught.value.field == "DOUYIN_COOKIE"
    assert cookie not in str(caught.value)


async def test_a_first_answer_that_only_challenges_is_answered(upstream: Upstream) -> None:
    async def challenge(request: Request) -> Response:
        known = "__ac_nonce" in request.cookies
        return Response(
            headers={"set-cookie": "ttwid=1%7Cx" if known else "__ac_nonce=064; Path=/"}
        )

    upstream.answer = challenge
    async with douyin(upstream.url) as web:
        assert await web.identity.cookie_header() == "__ac_nonce=064; ttwid=1%7Cx"


async def test_without_a_visitor_id_douyin_blocks_us(upstream: Upstream) -> None:
    upstream.always(lambda: Response("hello"))
    async with douyin(upstream.url) as web:
        with pytest.raises(Blocked, match="ttwid"):
            await web.enter(LIVE_ID)
    assert enters(upstream) == 0


async def test_callers_at_the_same_time_share_one_request(face: DouyinFace) -> None:
    found: list[Broadcast] = []

    async def ask(web: DouyinWeb, *, fresh: bool) -> None:
        found.append(await web.enter(LIVE_ID, fresh=fresh))

    async with douyin(face.web_url) as web, anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(lambda fresh: ask(web, fresh=fresh), number % 2 == 0)
    assert len(found) == 8
    assert enters(face) == 1


async def test_a_young_answer_is_used_again_unless_a_fresh_one_is_asked_for(
    face: DouyinFace,
) -> None:
    async with douyin(face.web_url) as web:
        await web.enter(LIVE_ID)
        await web.enter(LIVE_ID)
        assert enters(face) == 1
        await web.enter(LIVE_ID, fresh=True)
        assert enters(face) == 2


async def test_an_old_answer_is_not_used(face: DouyinFace) -> None:
    async with douyin(face.web_url, cache_s=0.0) as web:
        await web.enter(LIVE_ID)
        await web.enter(LIVE_ID)
    assert enters(face) == 2


async def test_a_bad_answer_is_shared_by_who_waits_and_then_forgotten(face: DouyinFace) -> None:
    face.go_offline()
    errors: list[HostcueError] = []

    async def ask(web: DouyinWeb) -> None:
        try:
            await web.enter(LIVE_ID)
        except RoomOffline as exc:
            errors.append(exc)

    async with douyin(face.web_url) as web:
        async with anyio.create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(ask, web)
        assert (len(errors), enters(face)) == (4, 1)
        face.go_live()
        assert (await web.enter(LIVE_ID)).room_id == face.room_id


async def test_a_caller_who_gives_up_does_not_take_the_others_along(upstream: Upstream) -> None:
    asked, go = anyio.Event(), anyio.Event()

    async def answer(request: Request) -> Response:
        if request.url.path == "/":
            return Response(headers={"set-cookie": "ttwid=1"})
        asked.set()
        await go.wait()
        return JSONResponse({"data": {"data": [], "prompts": "直播间不存在"}})

    upstream.answer = answer
    async with douyin(upstream.url) as web, anyio.create_task_group() as tasks:
        hasty = anyio.CancelScope()

        async def give_up() -> None:
            with hasty:
                await web.enter(LIVE_ID)

        async def wait() -> None:
            with pytest.raises(RoomNotFound):
                await web.enter(LIVE_ID)

        tasks.start_soon(give_up)
        await asked.wait()
        tasks.start_soon(wait)
        hasty.cancel()
        go.set()


@pytest.mark.parametrize("mode", ["empty", "444", "captcha"])
async def test_risk_control_is_recognised_in_each_form(
    face: DouyinFace, mode: Literal["empty", "444", "captcha"]
) -> None:
    face.risk_control(mode)
    async with douyin(face.web_url) as web:
        for ask in (web.enter(LIVE_ID), web.fetch(face.room_id)):
            with pytest.raises(Blocked) as caught:
                await ask
            assert caught.value.remedy


async def test_after_a_block_the_next_try_comes_as_another_visitor(face: DouyinFace) -> None:
    face.risk_control("empty")
    async with douyin(face.web_url, open_s=0) as web:
        with pytest.raises(Blocked):
            await web.enter(LIVE_ID)
        face.risk_control(None)
        await web.enter(LIVE_ID)
    cookies = [h["cookie"] for t, h in face.requests if "web/enter" in t]
    assert cookies[0] != cookies[1]


async def test_an_unknown_room_is_not_found(face: DouyinFace) -> None:
    async with douyin(face.web_url) as web:
        with pytest.raises(RoomNotFound):
            await web.enter("123456")


@pytest.mark.parametrize("live_id", ["", "a b", "../x", "a/b", "a\r\nX: y", "抖音", "..", "x" * 99])
async def test_what_cannot_be_an_id_is_not_asked_for(face: DouyinFace, live_id: str) -> None:
    async with douyin(face.web_url) as web:
        with pytest.raises(BadRequest) as caught:
            await web.enter(live_id)
    assert caught.value.field == "live_id"
    assert face.requests == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthRequired),
        (403, Blocked),
        (404, UpstreamChanged),
        (302, Blocked),
        (429, RateLimited),
        (502, TransportFailed),
    ],
)
async def test_each_status_has_its_error(
    upstream: Upstream, status: int, error: type[HostcueError]
) -> None:
    async def answer(request: Request) -> Response:
        if request.url.path == "/":
            return Response(headers={"set-cookie": "ttwid=1"})
        return Response(status_code=status, headers={"location": "/verify"})

    upstream.answer = answer
    async with douyin(upstream.url) as web:
        for ask in (web.enter(LIVE_ID), web.fetch("7300000000000000001")):
            with pytest.raises(error):
                await ask


async def test_a_silent_douyin_is_given_up_in_time(upstream: Upstream) -> None:
    async def answer(_: Request) -> Response:
        await anyio.sleep_forever()
        return Response()

    upstream.answer = answer
    async with douyin(upstream.url, timeout_s=0.2) as web:
        with anyio.fail_after(30), pytest.raises(TransportFailed):
            await web.enter(LIVE_ID)


async def test_nobody_at_the_address_is_a_transport_failure() -> None:
    async with douyin("http://127.0.0.1:9") as web:
        with pytest.raises(TransportFailed):
            await web.enter(LIVE_ID)


async def test_the_first_fetch_is_a_protobuf_response(face: DouyinFace) -> None:
    face.say("多少钱")
    async with douyin(face.web_url) as web:
        response = pb.Response.FromString(await web.fetch(face.room_id))
    assert response.cursor
    assert response.messages[-1].method == "WebcastChatMessage"


async def test_json_in_place_of_messages_is_not_taken_for_them(upstream: Upstream) -> None:
    async def answer(request: Request) -> Response:
        if request.url.path == "/":
            return Response(headers={"set-cookie": "ttwid=1"})
        return JSONResponse({"status_code": 10011})

    upstream.answer = answer
    async with douyin(upstream.url) as web:
        with pytest.raises(UpstreamChanged):
            await web.fetch("7300000000000000001")


async def test_a_share_link_is_followed_to_its_room(face: DouyinFace) -> None:
    async with douyin(face.web_url) as web:
        assert await web.live_id_of(f"{face.web_url}/share/iYxK8mQ") == LIVE_ID


async def test_the_app_s_share_page_is_asked_for_its_room(upstream: Upstream) -> None:
    async def answer(request: Request) -> Response:
        if request.url.path.startswith("/share/"):
            page = "/douyin/webcast/reflow/7300000000000000001?sec_user_id=MS4wLjAB&x=1"
            return Response(status_code=302, headers={"location": page})
        if request.query_params.get("room_id") == "7300000000000000001":
            return JSONResponse({"data": {"room": {"owner": {"web_rid": LIVE_ID}}}})
        return Response(status_code=404)

    upstream.answer = answer
    async with douyin(upstream.url, cookie=COOKIE) as web:
        assert await web.live_id_of(f"{upstream.url}/share/iYxK8mQ") == LIVE_ID
    query = parse_qs(urlsplit(upstream.requests[-1][0]).query)
    assert query["sec_user_id"] == ["MS4wLjAB"]
    assert query["a_bogus"]
    assert all("cookie" not in headers for _, headers in upstream.requests)


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("https://evil.example/80017709309", BadRequest),
        ("http://169.254.169.254/latest", BadRequest),
        ("file:///etc/passwd", BadRequest),
        ("/share/again", RoomNotFound),
        ("http://[::1", BadRequest),
    ],
)
async def test_a_share_link_that_leads_elsewhere_is_not_followed(
    upstream: Upstream, location: str, error: type[HostcueError]
) -> None:
    upstream.always(lambda: Response(status_code=302, headers={"location": location}))
    async with douyin(upstream.url) as web:
        with pytest.raises(error):
            await web.live_id_of(f"{upstream.url}/share/iYxK8mQ")
    assert len(upstream.requests) <= 6


async def test_a_share_link_to_no_room_is_not_found(upstream: Upstream) -> None:
    upstream.always(lambda: Response("a profile page"))
    async with douyin(upstream.url) as web:
        with pytest.raises(RoomNotFound):
            await web.live_id_of(f"{upstream.url}/share/iYxK8mQ")


async def test_a_share_link_into_a_private_network_is_never_opened(face: DouyinFace) -> None:
    async with douyin(face.web_url, allow_private=False) as web:
        with pytest.raises(PrivateAddress):
            await web.live_id_of(f"{face.web_url}/share/iYxK8mQ")
    assert face.requests == []
