"""A room with a cookie or a proxy of its own: who asks for it, and who never hears of either."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import SocketAttribute, SocketStream
from hypothesis import example, given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.config import Settings
from hostcue.errors import BadRequest, ConfigError, HostcueError, TransportFailed
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import RecordingPlan
from hostcue.model.room import DEFAULT_ACCESS, Access, Room
from hostcue.platforms.budget import Budget
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.platforms.gates import Gates
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.direct import DirectResolver
from hostcue.rooms.douyin import DouyinResolver
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.flv import LiveFlv
from hostcue.wiring import open_service

COOKIE = "sessionid=c0ffee4c4n4ry"
PASSWORD = "hunter2c4n4ry"
PROXY = f"http://me:{PASSWORD}@127.0.0.1:9"
ENTER = "/webcast/room/web/enter/"
FLV = "http://127.0.0.1:9/live/room.flv"


@pytest.fixture
async def face() -> AsyncIterator[DouyinFace]:
    async with DouyinFace.open(flv_url=FLV, script=()) as face:
        yield face


@asynccontextmanager
async def webs_of(
    base_url: str, *, cookie: str | None = None, most_idle: int = 16
) -> AsyncIterator[DouyinWebs]:
    gates = Gates("Douyin", budget=Budget("Douyin", per_s=1000))
    webs = DouyinWebs(
        Proxies(), base_url=base_url, cookie=cookie, gates=gates, most_idle=most_idle, timeout_s=5
    )
    async with aclosing(webs):
        yield webs


def cookies_at(face: DouyinFace, path: str) -> list[str]:
    return [headers["cookie"] for target, headers in face.requests if target.startswith(path)]


class ForwardProxy:
    """Notes what it is asked for, and finds nobody there."""

    def __init__(self) -> None:
        self.url = ""
        self.heads: list[str] = []

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[ForwardProxy]:
        proxy = cls()

        async def serve(stream: SocketStream) -> None:
            async with stream:
                proxy.heads.append((await stream.receive()).decode("latin-1"))
                await stream.send(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n")
                with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
                    await stream.receive()

        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
            proxy.url = f"http://me:{PASSWORD}@127.0.0.1:{port}"
            tasks.start_soon(listener.serve, serve)
            yield proxy
            tasks.cancel_scope.cancel()


async def test_a_room_s_recorder_and_comments_are_one_visitor_with_one_request(
    face: DouyinFace,
) -> None:
    access = Access(cookie=COOKIE)
    async with webs_of(face.web_url) as webs:
        live = await DouyinResolver(webs).resolve(face.link, "OD", access)
        comments = DouyinComments(webs, (WebsocketWay(push_url=face.push_url),))
        async with comments.events(live.room, access):
            await face.wait_viewers(1)
    assert len(cookies_at(face, ENTER)) == 1
    (fetched,) = cookies_at(face, "/webcast/im/fetch/")
    assert cookies_at(face, ENTER) == [fetched]
    assert COOKIE in fetched


async def test_another_cookie_is_another_visitor_and_none_is_the_settings_own(
    face: DouyinFace,
) -> None:
    async with webs_of(face.web_url, cookie="sessionid=ours") as webs:
        rooms = DouyinResolver(webs)
        for access in (DEFAULT_ACCESS, Access(cookie=COOKIE), Access(cookie="sessionid=b")):
            await rooms.resolve(face.link, "OD", access)
            await rooms.resolve(face.link, "OD", access)  # from the cache of this visitor
    sent = cookies_at(face, ENTER)
    assert [text.rpartition("; ")[2] for text in sent] == ["sessionid=ours", COOKIE, "sessionid=b"]
    assert len({text.partition(";")[0] for text in sent}) == 3  # each with a visitor id of its own


async def test_a_room_s_own_proxy_is_the_way_for_page_and_comments() -> None:
    async with ForwardProxy.open() as proxy:
        access = Access(proxy=proxy.url)
        async with webs_of("http://live.example") as webs:
            with pytest.raises(TransportFailed) as caught:
                await DouyinResolver(webs).resolve("80017709309", "OD", access)
            comments = DouyinComments(webs, (WebsocketWay(push_url="ws://push.example:80"),))
            room = Room("douyin", "80017709309", "7300000000000000001", "", "小满")
            with pytest.raises(TransportFailed) as refused:
                await comments.events(room, Access(cookie="ttwid=1", proxy=proxy.url)).__aenter__()
    assert proxy.heads[0].startswith("GET http://live.example/ ")
    assert any(head.startswith("CONNECT push.example:80 ") for head in proxy.heads)
    assert all("proxy-authorization: basic" in head.lower() for head in proxy.heads)
    for error in (caught.value, refused.value):
        assert PASSWORD not in f"{error!r} {error.message} {error.remedy}"


async def test_visitors_nobody_needs_are_let_go_and_those_in_use_kept(face: DouyinFace) -> None:
    async with (
        webs_of(face.web_url, most_idle=2) as webs,
        webs.lend(Access(cookie="a=kept")) as kept,
    ):
        lent = []
        for number in range(5):
            async with webs.lend(Access(cookie=f"a={number}")) as web:
                lent.append(web)
        assert [web.http.is_closed for web in lent] == [True, True, True, False, False]
        assert not kept.http.is_closed
        async with webs.lend(Access(cookie="a=kept")) as same:
            assert same is kept
        async with webs.lend(Access(cookie="a=4")) as again:
            assert again is lent[4]
    assert all(web.http.is_closed for web in (*lent, kept))


async def test_nobody_is_lent_what_is_being_closed(face: DouyinFace) -> None:
    async with webs_of(face.web_url) as webs:
        accesses = [Access(cookie=f"a={number}") for number in range(16)]
        for access in accesses:
            async with webs.lend(access):
                pass
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(webs.aclose)
            for access in accesses:
                await anyio.lowlevel.checkpoint()
                async with webs.lend(access) as web:
                    await anyio.lowlevel.checkpoint()
                    assert not web.http.is_closed


async def test_thousands_of_cookies_leave_few_clients_and_close_none_in_use(
    face: DouyinFace,
) -> None:
    clients: list[weakref.ref[object]] = []

    async def visit(first: int) -> None:
        for number in range(first, first + 100):
            async with webs.lend(Access(cookie=f"a={number}")) as web:
                clients.append(weakref.ref(web.http))
                await anyio.lowlevel.checkpoint()
                assert not web.http.is_closed

    async with webs_of(face.web_url, most_idle=4) as webs:
        async with anyio.create_task_group() as tasks:
            for begin in range(0, 2000, 50):  # each cookie is wanted by two rooms
                tasks.start_soon(visit, begin)
        gc.collect()
        assert sum(ref() is not None for ref in clients) <= 10


@pytest.mark.parametrize(
    ("proxies", "cookie", "field"),
    [
        (Proxies("ftp://proxy.example:1"), None, "HTTP_PROXY"),
        (Proxies(), "a=秘密", "DOUYIN_COOKIE"),
    ],
)
def test_settings_nobody_can_use_are_refused_at_the_start(
    proxies: Proxies, cookie: str | None, field: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        DouyinWebs(proxies, cookie=cookie)
    assert caught.value.field == field


async def test_a_direct_stream_gets_the_cookie_and_a_platform_s_stream_does_not(
    face: DouyinFace,
) -> None:
    access = Access(cookie=COOKIE)
    direct = await DirectResolver().resolve("http://cdn.example/a.flv", "OD", access)
    assert direct.source.headers == {"Cookie": COOKIE}
    for link in ("rtmp://cdn.example/a/b", "rtsp://cdn.example/a"):
        assert (await DirectResolver().resolve(link, "OD", access)).source.headers == {}
    async with webs_of(face.web_url) as webs:
        source = (await DouyinResolver(webs).resolve(face.link, "OD", access)).source
    assert "Cookie" not in source.headers


GOOD = (
    DEFAULT_ACCESS,
    Access(cookie=COOKIE),
    Access(cookie="a=1; b=2;"),
    Access(cookie="__ac_nonce=064; name="),
    Access(proxy="http://127.0.0.1:7890"),
    Access(proxy="http://me:pass%40word@proxy.example:8080/"),
    Access(proxy="http://[::1]:7890"),
)


@pytest.mark.parametrize("access", GOOD)
def test_what_clients_can_use_is_taken(access: Access) -> None:
    access.check()


BAD_COOKIES = ("nothing", "=1", "a=1; b", "a=1\r\nX: y", "a=秘密", "a=" + "x" * 9000, "a=1\0")
BAD_PROXIES = (
    "127.0.0.1:7890",
    "socks5://127.0.0.1:1080",
    "https://proxy.example:443",
    "http://proxy.example",
    "http://:7890",
    "http://proxy.example:port",
    "http://proxy.example:8080/path",
    "http://proxy.example:8080?x=1",
    "http://proxy .example:80",
    "http://[::1:80",
)


@pytest.mark.parametrize(
    ("field", "access"),
    [
        *(("cookie", Access(cookie=text)) for text in BAD_COOKIES),
        *(("proxy", Access(proxy=text)) for text in BAD_PROXIES),
    ],
)
async def test_what_no_client_can_use_is_refused_by_its_field_and_not_quoted(
    field: str, access: Access
) -> None:
    rooms = Resolvers([DirectResolver()], policy=AddressPolicy(allow_private=True))
    with pytest.raises(BadRequest) as caught:
        await rooms.resolve(FLV, "OD", access)
    assert caught.value.field == field
    assert caught.value.remedy
    assert (access.cookie or access.proxy) not in f"{caught.value.message} {access!r}"


@given(cookie=st.text(max_size=60), proxy=st.text(max_size=60))
@example(cookie="", proxy="http://[")
def test_any_text_is_taken_or_refused(cookie: str, proxy: str) -> None:
    try:
        Access(cookie, proxy).check()
    except BadRequest as exc:
        assert exc.field in {"cookie", "proxy"}  # noqa: PT017 - either outcome is right


async def test_neither_secret_reaches_log_event_or_database_in_clear(tmp_path: Path) -> None:
    async with (
        LiveFlv.open() as flv,
        DouyinFace.open(flv_url=flv.url, script=()) as face,
    ):
        settings = Settings.only(
            {
                "HOSTCUE_DATA_DIR": str(tmp_path / "data"),
                "RECORDS_ROOT": str(tmp_path / "records"),
                "HOSTCUE_DOUYIN_WEB_URL": face.web_url,
                "HOSTCUE_DOUYIN_PUSH_URL": face.push_url,
                "HOSTCUE_ALLOW_PRIVATE_URLS": "true",
                "HOSTCUE_SECRET_KEY": "a passphrase of the operator",
            }
        )
        access = Access(cookie=COOKIE, proxy=PROXY)
        (tmp_path / "data").mkdir()
        with capture_logs() as logs, anyio.fail_after(30):
            async with open_service(settings) as service:
                plan = RecordingPlan(face.link, segment_s=2, access=access)
                recording, _ = await service.supervisor.start(plan)
                status = await service.supervisor.stop(recording.id)
                events = await service.outbox.after("recording", None, 0, 1000)
        said = f"{logs} {events} {status!r} {recording!r}"
        assert COOKIE in cookies_at(face, ENTER)[0]
    held = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert recording.id.encode() in held
    for secret in (COOKIE, PASSWORD):
        assert secret not in said
        assert secret.encode() not in held
    assert not (tmp_path / "data" / "secret.key").exists()


async def test_a_dead_proxy_with_a_password_is_told_without_it() -> None:
    async with webs_of("http://live.example") as webs:
        rooms = Resolvers([DouyinResolver(webs)], policy=AddressPolicy())
        with capture_logs() as logs, pytest.raises(HostcueError) as caught:
            await rooms.resolve("80017709309", "OD", Access(proxy=PROXY))
    assert isinstance(caught.value, TransportFailed)
    assert PASSWORD not in f"{logs} {caught.value!r} {caught.value.remedy}"
