"""What happens when our own way to a Douyin room fails: other libraries, and when nobody asks."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream
from douyin_gateway import ENTER, HOME, PAGE, Gateway
from fastapi import Request, Response
from self_signed import self_signed
from structlog.testing import capture_logs

from hostcue.errors import (
    Blocked,
    HostcueError,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget
from hostcue.platforms.douyin.web import Broadcast, DouyinWeb, Endpoint, Way
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.platforms.gates import Gates
from hostcue.rooms.douyin import DouyinResolver
from hostcue.rooms.douyin_streamget import StreamgetWay
from hostcue.rooms.douyin_streamlink import StreamlinkWay, is_installed
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.http import serve_app

FLV = "http://127.0.0.1:9/live/room.flv"
WAYS: tuple[Way, ...] = (StreamgetWay(), StreamlinkWay())


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    async with DouyinFace.open(flv_url=FLV, script=()) as face:
        yield face


@pytest.fixture
async def gateway(face: DouyinFace) -> AsyncIterator[Gateway]:
    async with Gateway.open(face.web_url) as gateway:
        yield gateway


@asynccontextmanager
async def resolver(
    gateway: Gateway,
    ways: Sequence[Way] = WAYS,
    *,
    open_s: float = 180.0,
    timeout_s: float = 10.0,
    policy: AddressPolicy | None = None,
) -> AsyncIterator[DouyinResolver]:
    gates = Gates(
        "Douyin",
        budget=Budget("Douyin", per_s=1000),
        breaker=lambda: Breaker(open_s=open_s),
    )
    webs = DouyinWebs(
        Proxies("http://127.0.0.1:9", "http://127.0.0.1:9"),
        base_url=gateway.url,
        policy=policy or AddressPolicy(allow_private=True),
        gates=gates,
        ways=ways,
        timeout_s=timeout_s,
    )
    async with aclosing(webs):
        yield DouyinResolver(webs)


def only_streamget(request: Request) -> Response | None:
    """An answer that we can't read, but for the query that streamget sends."""
    theirs = request.query_params.get("browser_version") == "116.0.0.0"
    return None if theirs else Response('{"data": {}, "status_code": 4242}')


async def test_what_we_cannot_read_streamget_may(face: DouyinFace, gateway: Gateway) -> None:
    gateway.answers[ENTER] = only_streamget
    async with resolver(gateway) as rooms:
        live = await rooms.resolve(face.link, "OD")
    assert (live.room.room_id, live.room.anchor_name) == (face.room_id, "小满的鞋铺")
    assert live.source.quality == "OD"
    assert gateway.asked(ENTER) == 2
    assert gateway.asked(PAGE) == 0
    mine, theirs = (headers for path, headers in gateway.requests if path == ENTER)
    assert mine["cookie"] == theirs["cookie"]  # the same visitor


async def test_what_is_refused_is_read_from_the_page_by_streamlink(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER)
    async with resolver(gateway) as rooms:
        live = await rooms.resolve(face.link, "HD")
        again = await rooms.resolve(face.link, "HD")
    assert live.room == again.room
    assert (live.room.room_id, live.room.title) == (face.room_id, "秋冬新款上新，全场包邮")
    assert live.source.quality == "HD"
    assert live.source.url.startswith("http://127.0.0.1:9/live/room_sd.flv?")
    assert gateway.asked(ENTER) == 1  # streamget would ask the same endpoint
    assert gateway.asked(PAGE) == 1  # shared by all who ask within a quarter of a minute


@pytest.mark.parametrize("body", ["", "<html>captcha</html>"])
@pytest.mark.parametrize("status", [200, 403, 444])
async def test_a_refusal_everywhere_is_answered_by_two_questions_and_then_by_none(
    face: DouyinFace, gateway: Gateway, status: int, body: str
) -> None:
    gateway.refuse(ENTER, status, body)
    gateway.refuse(PAGE, status, body)
    async with resolver(gateway) as rooms:
        for _ in range(2):
            with pytest.raises(Blocked):
                await rooms.resolve(face.link, "OD")
        with pytest.raises(Blocked) as caught:
            await rooms.resolve(face.link, "OD")
    assert gateway.asked(ENTER) == gateway.asked(PAGE) == 1
    assert re.search(r"asked again in (3 min|2 min 5\d s)", caught.value.message)
    assert caught.value.remedy
    assert caught.value.retry_after_s is not None
    assert 170 < caught.value.retry_after_s <= 180


async def test_without_streamlink_a_refusal_is_answered_by_nothing(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER, 444)
    async with resolver(gateway, [StreamgetWay()]) as rooms:
        with pytest.raises(Blocked):
            await rooms.resolve(face.link, "OD")
    assert gateway.asked(ENTER) == 1
    assert gateway.asked(PAGE) == 0


async def test_a_captcha_that_only_streamget_gets_allows_one_more_endpoint(
    face: DouyinFace, gateway: Gateway
) -> None:
    def captcha(request: Request) -> Response:
        theirs = request.query_params.get("browser_version") == "116.0.0.0"
        return Response("<html>captcha</html>" if theirs else '{"data": {}}')

    gateway.answers[ENTER] = captcha
    async with resolver(gateway) as rooms:
        assert (await rooms.resolve(face.link, "BD")).source.quality == "BD"
    assert (gateway.asked(ENTER), gateway.asked(PAGE)) == (2, 1)


async def test_a_quality_the_page_does_not_have_is_told_as_what_it_is(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER)
    async with resolver(gateway) as rooms:
        source = (await rooms.resolve(face.link, "OD")).source
    assert source.quality == "BD"
    assert "room_uhd.flv" in source.url


async def test_the_platform_s_own_word_for_offline_is_taken_and_nobody_else_asked(
    face: DouyinFace, gateway: Gateway
) -> None:
    face.go_offline()
    async with resolver(gateway) as rooms:
        for _ in range(3):  # an answer is an answer: no breaker opens
            with pytest.raises(RoomOffline):
                await rooms.resolve(face.link, "OD")
    assert (gateway.asked(ENTER), gateway.asked(PAGE)) == (3, 0)


@pytest.mark.parametrize("status", [200, 444])
async def test_a_library_s_word_for_offline_is_not_believed(
    face: DouyinFace, gateway: Gateway, status: int
) -> None:
    face.go_offline()
    gateway.refuse(ENTER, status, "" if status == 444 else '{"data": {}}')
    async with resolver(gateway) as rooms:
        with pytest.raises(HostcueError) as caught:
            await rooms.resolve(face.link, "OD")
    assert gateway.asked(PAGE) == 1
    assert type(caught.value) is (Blocked if status == 444 else UpstreamChanged)


async def test_streamget_s_word_for_offline_is_not_believed(
    face: DouyinFace, gateway: Gateway
) -> None:
    face.go_offline()
    gateway.answers[ENTER] = only_streamget
    async with resolver(gateway, [StreamgetWay()]) as rooms:
        with pytest.raises(UpstreamChanged):
            await rooms.resolve(face.link, "OD")
    assert gateway.asked(ENTER) == 2


async def test_a_page_that_changed_is_told_as_our_own_trouble(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER, 200, '{"data": {}}')
    gateway.refuse(PAGE, 200, "<html>we moved</html>")
    async with resolver(gateway) as rooms:
        with pytest.raises(UpstreamChanged, match="Douyin describes"):
            await rooms.resolve(face.link, "OD")


async def test_after_the_rest_one_try_opens_the_way_again(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER, 444)
    async with resolver(gateway, (), open_s=0.05) as rooms:
        with pytest.raises(Blocked):
            await rooms.resolve(face.link, "OD")
        del gateway.answers[ENTER]
        with anyio.fail_after(30):
            while True:
                try:
                    await rooms.resolve(face.link, "OD")
                except Blocked as exc:
                    await anyio.sleep(exc.retry_after_s or 0)
                else:
                    break
    assert gateway.asked(ENTER) == 2
    assert gateway.asked(HOME) == 2  # it came back as another visitor


async def test_a_server_that_fails_is_given_three_tries(face: DouyinFace, gateway: Gateway) -> None:
    gateway.refuse(ENTER, 502)
    async with resolver(gateway, ()) as rooms:
        for _ in range(4):
            with pytest.raises(TransportFailed):
                await rooms.resolve(face.link, "OD")
        with pytest.raises(TransportFailed) as caught:
            await rooms.resolve(face.link, "OD")
    assert gateway.asked(ENTER) == 3
    assert "several times in a row" in caught.value.message


async def test_one_odd_room_does_not_rest_the_endpoint_for_the_others(
    face: DouyinFace, gateway: Gateway
) -> None:
    def odd(request: Request) -> Response | None:
        theirs = request.query_params.get("web_rid") != face.live_id
        return Response('{"data": {}}') if theirs else None

    gateway.answers[ENTER] = odd
    async with resolver(gateway, ()) as rooms:
        for _ in range(5):
            with pytest.raises(UpstreamChanged):
                await rooms.resolve("https://live.douyin.com/123456", "OD")
        assert (await rooms.resolve(face.link, "OD")).room.room_id == face.room_id


async def test_answers_nobody_can_read_for_any_room_rest_the_endpoint(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER, 200, '{"data": {}}')
    async with resolver(gateway, ()) as rooms:
        for number in range(5):
            with pytest.raises(UpstreamChanged):
                await rooms.resolve(f"https://live.douyin.com/12345{number}", "OD")
    assert gateway.asked(ENTER) == 3


class Silent:
    """A way that never comes back."""

    name = "silent"
    endpoint: Endpoint = "page"

    async def ask(self, web: DouyinWeb, live_id: str) -> Broadcast:
        await anyio.sleep_forever()
        raise AssertionError


async def test_who_gives_up_leaves_the_one_try_to_the_next(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER, 444)
    async with resolver(gateway, [Silent()], open_s=0) as rooms:
        for _ in range(2):
            with anyio.move_on_after(0.2) as scope:
                await rooms.resolve(face.link, "OD")
            assert scope.cancelled_caught
        del gateway.answers[ENTER]
        assert (await rooms.resolve(face.link, "OD")).room.room_id == face.room_id


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_a_silent_server_is_given_up_in_time(
    face: DouyinFace, gateway: Gateway, way: Way
) -> None:
    async with resolver(gateway, [way]) as rooms:
        gateway.answers[ENTER] = only_streamget
        if way.name == "streamlink":
            gateway.refuse(ENTER, 444)
        await rooms.resolve(face.link, "OD")  # the library is loaded by now
    stop = anyio.Event()
    async with silent_server(stop) as url:
        web = DouyinWebs(Proxies(), base_url=url, cookie="ttwid=1", timeout_s=0.2)
        async with aclosing(web), web.lend() as silent:
            with anyio.fail_after(30), pytest.raises(TransportFailed):
                await way.ask(silent, face.live_id)
            with anyio.fail_after(30), anyio.move_on_after(0.05):
                await way.ask(silent, face.live_id)
        stop.set()


@asynccontextmanager
async def silent_server(stop: anyio.Event) -> AsyncIterator[str]:
    async def app(_scope: object, _receive: object, _send: object) -> None:
        await stop.wait()

    async with serve_app(app) as url:  # type: ignore[arg-type]  # any ASGI app will do
        yield url


async def test_the_page_s_redirect_is_not_followed_by_streamlink(
    face: DouyinFace, gateway: Gateway
) -> None:
    gateway.refuse(ENTER, 444)
    gateway.answers[PAGE] = lambda _: Response(
        status_code=302, headers={"location": "https://169.254.169.254/latest"}
    )
    way = StreamlinkWay()
    webs = DouyinWebs(Proxies(), base_url=gateway.url, cookie="ttwid=1")
    async with aclosing(webs), webs.lend() as web:
        with pytest.raises(Blocked, match="another page"):
            await way.ask(web, face.live_id)
    assert gateway.asked(PAGE) == 1


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
async def test_no_way_takes_a_certificate_that_proves_nothing(
    way: Way, face: DouyinFace, tmp_path: Path
) -> None:
    heard: list[bytes] = []
    async with secure_server(heard, tmp_path) as url:
        webs = DouyinWebs(Proxies(), base_url=url, cookie="ttwid=1")
        async with aclosing(webs), webs.lend() as web:
            with pytest.raises(TransportFailed, match=r"(?i)certificate"):
                await way.ask(web, face.live_id)
            with pytest.raises(TransportFailed, match=r"(?i)certificate"):
                await web.enter(face.live_id)
    assert heard == []


@asynccontextmanager
async def secure_server(heard: list[bytes], folder: Path) -> AsyncIterator[str]:
    """Notes what it is told after the handshake."""
    context = self_signed(folder, "localhost")

    async def serve(stream: SocketStream) -> None:
        async with stream:
            with suppress(ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
                secure = await TLSStream.wrap(stream, server_side=True, ssl_context=context)
                heard.append(await secure.receive())

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as tasks,
    ):
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
        tasks.start_soon(listener.serve, serve)
        yield f"https://localhost:{port}"
        tasks.cancel_scope.cancel()


async def test_no_cookie_reaches_a_log_or_an_error(face: DouyinFace, gateway: Gateway) -> None:
    gateway.refuse(ENTER, 444)
    gateway.refuse(PAGE, 200, "<html>moved</html>")
    webs = DouyinWebs(Proxies(), base_url=gateway.url, cookie="sessionid=c0ffee", ways=WAYS)
    async with aclosing(webs):
        with capture_logs() as logs, pytest.raises(Blocked) as caught:
            await DouyinResolver(webs).resolve(face.link, "OD")
    assert "c0ffee" in gateway.requests[-1][1]["cookie"]
    assert "c0ffee" not in f"{logs} {caught.value!r} {caught.value.__context__!r}"


def test_the_extra_is_known_to_be_there_without_loading_it() -> None:
    assert is_installed()


async def test_a_share_link_is_followed_once(face: DouyinFace, gateway: Gateway) -> None:
    async with resolver(gateway) as rooms:
        found = [await rooms.resolve(f"{gateway.url}/share/iYxK8mQ", "OD") for _ in range(3)]
    assert {live.room.live_id for live in found} == {face.live_id}
    assert [path for path, _ in gateway.requests].count("/share/iYxK8mQ") == 1
