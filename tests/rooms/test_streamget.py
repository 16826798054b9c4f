"""The adapter, with the real library: its requests are answered by a proxy on loopback.

Links with `http://` are asked for in the clear, so a plain proxy can play the platform.
"""

from __future__ import annotations

import importlib
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.tls import TLSStream
from self_signed import self_signed
from structlog.testing import capture_logs

from hostcue.errors import (
    AuthRequired,
    Blocked,
    ConfigError,
    HostcueError,
    PrivateAddress,
    RoomOffline,
    TransportFailed,
    UnknownPlatform,
    UpstreamChanged,
)
from hostcue.model.network import Proxies
from hostcue.model.room import Access, Quality
from hostcue.rooms.streamget import StreamgetResolver, choose, failure, live_room
from hostcue.rooms.streamget_sites import Site, site_of

LINK = "http://qiandurebo.com/web/video.php?roomnumber=33333"
STREAM = "http://cdn.example/33333.flv?sign=5ec2e7"
PAGE = (
    'var user = {{"zb_nickname": "小满",\r\n"play_url": "{url}",\r\n}}\r\n  user.play_url = 1;'
    '<p class="common-text-center" style="display:{display}">'
)
LIVE_PAGE = PAGE.format(url=STREAM, display="none")
OFFLINE_PAGE = PAGE.format(url=STREAM, display="block")


class Proxy:
    """An HTTP proxy that answers every request itself; with `tls`, those of CONNECT as well."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[str] = []
        self.cookies: list[str] = []
        self.answer = ("200 OK", "", LIVE_PAGE)
        self.tls: ssl.SSLContext | None = None

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Proxy]:
        proxy = cls()
        async with (
            await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
            anyio.create_task_group() as tasks,
        ):
            port = listener.extra(SocketAttribute.local_port)  # noqa: S610 - not Django's
            proxy.url = f"http://127.0.0.1:{port}"
            tasks.start_soon(listener.serve, proxy._serve)
            yield proxy
            tasks.cancel_scope.cancel()

    async def _serve(self, stream: SocketStream) -> None:
        async with stream:
            first, *rest = (await _head(stream)).split("\r\n")
            lines = (line.partition(": ") for line in rest)
            self.cookies += [text for name, _, text in lines if name.lower() == "cookie" and text]
            self.requests.append(first.rpartition(" ")[0])
            if not first.startswith("CONNECT"):
                await stream.send(self._reply())
            elif self.tls is not None:
                await stream.send(b"HTTP/1.1 200 OK\r\n\r\n")
                with suppress(ssl.SSLError, anyio.BrokenResourceError, anyio.EndOfStream):
                    secure = await TLSStream.wrap(
                        stream, server_side=True, ssl_context=self.tls, standard_compatible=False
                    )
                    self.requests.append((await _head(secure)).split("\r\n")[0])
                    await secure.send(self._reply())

    def _reply(self) -> bytes:
        status, headers, text = self.answer
        body = text.encode()
        head = f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(body)}\r\nConnection: close"
        return f"{head}\r\n\r\n".encode() + body


async def _head(stream: SocketStream | TLSStream) -> str:
    received = b""
    while b"\r\n\r\n" not in received:
        received += await stream.receive()
    return received.decode("latin-1")


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    async with Proxy.open() as proxy:
        yield proxy


def resolver(proxy: Proxy, *, timeout_s: float = 30.0) -> StreamgetResolver:
    return StreamgetResolver(Proxies(http=proxy.url, https=proxy.url), timeout_s=timeout_s)


def site() -> Site:
    found = site_of(LINK)
    assert found is not None
    return found


async def test_a_live_room_becomes_a_room_and_its_stream(proxy: Proxy) -> None:
    live = await resolver(proxy).resolve(LINK, "OD")
    assert proxy.requests == [f"GET {LINK}"]
    assert (live.room.platform, live.room.live_id) == ("qiandurebo", "33333")
    assert live.room.anchor_name == "小满"
    assert len(live.room.room_id) == 16
    assert (live.source.url, live.source.container) == (STREAM, "flv")
    assert live.source.quality == "OD"
    assert live.source.headers["Referer"] == "http://qiandurebo.com/"


async def test_a_room_keeps_its_id_however_its_link_was_copied(proxy: Proxy) -> None:
    rooms = [
        (await resolver(proxy).resolve(link, "OD")).room
        for link in (LINK, f"{LINK}&from=share", LINK.replace("33333", "4"))
    ]
    assert rooms[0].room_id == rooms[1].room_id != rooms[2].room_id


async def test_the_library_s_word_is_taken_for_offline(proxy: Proxy) -> None:
    proxy.answer = ("200 OK", "", OFFLINE_PAGE)
    with pytest.raises(RoomOffline, match="小满"):
        await resolver(proxy).resolve(LINK, "OD")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("403 Forbidden", AuthRequired),
        ("412 Precondition Failed", Blocked),
        ("503 Service Unavailable", TransportFailed),
        ("404 Not Found", UpstreamChanged),
        ("200 OK", UpstreamChanged),
    ],
)
async def test_what_the_library_hides_is_told_all_the_same(
    proxy: Proxy, status: str, error: type[HostcueError]
) -> None:
    proxy.answer = (status, "", "an error page")
    with pytest.raises(error) as caught:
        await resolver(proxy).resolve(LINK, "OD")
    assert type(caught.value) is error


async def test_nobody_at_the_proxy_is_a_transport_failure() -> None:
    with pytest.raises(TransportFailed, match="cannot reach"):
        await StreamgetResolver(Proxies(http="http://127.0.0.1:9")).resolve(LINK, "OD")


async def test_a_silent_platform_is_given_up_in_time(proxy: Proxy) -> None:
    await resolver(proxy).resolve(LINK, "OD")  # the library is loaded by now
    proxy.answer = ("200 OK", "Transfer-Encoding: chunked\r\nX: ", "")
    with anyio.fail_after(20), pytest.raises(TransportFailed):
        await resolver(proxy, timeout_s=0.3).resolve(LINK, "OD")


async def test_a_page_s_redirect_into_a_private_network_is_not_followed(proxy: Proxy) -> None:
    proxy.answer = ("302 Found", "Location: http://169.254.169.254/latest\r\n", "")
    with pytest.raises(PrivateAddress):
        await resolver(proxy).resolve(LINK, "OD")
    assert len(proxy.requests) == 1


async def test_the_library_does_not_print(proxy: Proxy, capsys: pytest.CaptureFixture[str]) -> None:
    proxy.answer = ("200 OK", "", "{}")
    with capture_logs() as logs, pytest.raises(HostcueError):
        await resolver(proxy).resolve("http://live.bilibili.com/320", "OD")
    assert capsys.readouterr().out == ""
    assert [entry["event"] for entry in logs] == ["streamget_says"]


async def test_a_certificate_that_proves_nothing_is_refused(proxy: Proxy, tmp_path: Path) -> None:
    proxy.tls = self_signed(tmp_path, "qiandurebo.com")
    with pytest.raises(TransportFailed, match=r"(?i)certificate"):
        await resolver(proxy).resolve(LINK.replace("http:", "https:"), "OD")
    assert proxy.requests == ["CONNECT qiandurebo.com:443"]


async def test_a_link_of_no_platform_is_unknown() -> None:
    with pytest.raises(UnknownPlatform):
        await StreamgetResolver(Proxies()).resolve("https://www.example.com/1", "OD")


def stream_data(**fields: object) -> object:
    return importlib.import_module("streamget").StreamData(
        **{"is_live": True, "flv_url": STREAM} | fields
    )


@pytest.mark.parametrize(
    ("fields", "url", "container"),
    [
        ({"m3u8_url": "https://c.example/a.m3u8"}, STREAM, "flv"),
        (
            {"flv_url": None, "m3u8_url": "https://c.example/a.m3u8?x"},
            "https://c.example/a.m3u8?x",
            "hls",
        ),
        ({"flv_url": "", "m3u8_url": "https://c.example/a"}, "https://c.example/a", "hls"),
        (
            {"flv_url": None, "record_url": "https://c.example/a.m3u8"},
            "https://c.example/a.m3u8",
            "hls",
        ),
        ({"flv_url": None, "record_url": "https://c.example/a"}, "https://c.example/a", "flv"),
        ({"flv_url": "rtmp://c.example/app/a"}, "rtmp://c.example/app/a", "rtmp"),
    ],
)
def test_the_best_address_is_chosen(fields: dict[str, object], url: str, container: str) -> None:
    source = live_room(site(), LINK, {}, stream_data(**fields)).source
    assert (source.url, source.container) == (url, container)


# What a real class of the library is given: a list of addresses, best first.
THREE = ["http://c.example/a.flv", "http://c.example/a_hd.flv", "http://c.example/a_sd.flv"]


@pytest.mark.parametrize(
    ("wanted", "urls", "url", "got"),
    [
        ("OD", THREE, THREE[0], "OD"),
        ("UHD", THREE, THREE[1], "UHD"),
        ("HD", THREE, THREE[2], "HD"),
        ("LD", THREE, THREE[2], "HD"),  # the list's last one, whatever is asked
        ("BD", THREE, THREE[1], "UHD"),  # a quality that the class doesn't know
        ("BD", THREE[:1], THREE[0], "OD"),  # never another one's name
        ("SD", THREE[:1], THREE[0], "OD"),
    ],
)
async def test_a_quality_is_called_by_its_own_name(
    wanted: Quality, urls: list[str], url: str, got: Quality
) -> None:
    acfun = site_of("https://live.acfun.cn/live/1")
    assert acfun is not None
    platform = importlib.import_module("streamget").AcfunLiveStream()
    data = {"is_live": True, "anchor_name": "小满", "play_url_list": [{"url": u} for u in urls]}
    stream, quality = await choose(platform, acfun, data, wanted)
    source = live_room(acfun, LINK, data, stream, quality).source
    assert (source.url, source.quality) == (url, got)


class Signing:
    """A platform that signs each address anew, and has two qualities."""

    def __init__(self) -> None:
        self.signed = 0

    async def fetch_stream_url(self, json_data: object, video_quality: str) -> object:
        self.signed += 1
        ratio = "" if video_quality in {"OD", "UHD"} else "2000"
        url = f"http://c.example/a.flv?wsSecret=s{self.signed}&ratio={ratio}&ver=1"
        return stream_data(flv_url=url, quality=video_quality)


@pytest.mark.parametrize(("wanted", "got"), [("UHD", "OD"), ("HD", "HD"), ("SD", "HD")])
async def test_addresses_that_differ_in_their_signature_are_the_same(
    wanted: Quality, got: Quality
) -> None:
    assert (await choose(Signing(), site(), {}, wanted))[1] == got


@pytest.mark.parametrize(("said", "got"), [("HD", "HD"), (None, "OD"), ("0", "OD"), (3, "OD")])
async def test_a_platform_that_is_asked_for_each_quality_is_believed(
    said: object, got: Quality
) -> None:
    class Asked:
        async def fetch_stream_url(self, json_data: object, video_quality: str) -> object:
            return stream_data(quality=said)

    bilibili = site_of("https://live.bilibili.com/1")
    assert bilibili is not None
    assert (await choose(Asked(), bilibili, {}, "HD"))[1] == got


async def test_offline_without_an_anchor_is_a_page_that_was_not_read() -> None:
    with pytest.raises(UpstreamChanged):
        live_room(site(), LINK, {}, stream_data(is_live=False, anchor_name=""))


async def test_a_refusal_rests_that_platform_and_no_other(proxy: Proxy) -> None:
    rooms = resolver(proxy)
    proxy.answer = ("412 Precondition Failed", "", "")
    with pytest.raises(Blocked):
        await rooms.resolve(LINK, "OD")
    with pytest.raises(Blocked) as caught:
        await rooms.resolve(LINK, "OD")
    assert caught.value.retry_after_s is not None
    assert len(proxy.requests) == 1
    with pytest.raises(HostcueError):
        await rooms.resolve("http://live.bilibili.com/320", "OD")
    assert len(proxy.requests) > 1


async def test_a_room_s_own_cookie_and_proxy_are_used(proxy: Proxy) -> None:
    dead = StreamgetResolver(Proxies(http="http://127.0.0.1:9"))
    access = Access(cookie="sessionid=c0ffee", proxy=proxy.url)
    live = await dead.resolve(LINK, "OD", access)
    assert live.room.anchor_name == "小满"
    assert proxy.cookies == ["sessionid=c0ffee"]


async def test_rooms_that_are_asked_for_at_once_keep_their_cookies_and_proxies_apart() -> None:
    rooms = StreamgetResolver(Proxies(http="http://127.0.0.1:9"))
    async with AsyncExitStack() as stack:
        proxies = [await stack.enter_async_context(Proxy.open()) for _ in range(5)]
        async with anyio.create_task_group() as tasks:
            for number, own in enumerate(proxies):
                access = Access(cookie=f"room={number}", proxy=own.url)
                tasks.start_soon(rooms.resolve, LINK, "OD", access)
    assert [own.cookies for own in proxies] == [[f"room={number}"] for number in range(5)]


def test_the_library_s_own_room_id_is_kept() -> None:
    assert live_room(site(), LINK, {"room_id": "7"}, stream_data()).room.room_id == "7"


@pytest.mark.parametrize(
    "stream",
    [
        None,
        {},
        stream_data(is_live=None),
        stream_data(flv_url=None),
        stream_data(flv_url="file:///etc/passwd"),
    ],
)
def test_a_result_without_a_stream_is_not_understood(stream: object) -> None:
    with pytest.raises(UpstreamChanged):
        live_room(site(), LINK, {}, stream)


@pytest.mark.parametrize(
    ("exc", "error"),
    [
        (Exception("it triggered risk control"), Blocked),
        (Exception("IP banned. Please change device or network."), Blocked),
        (RuntimeError("login failed, cookie=c0ffee"), AuthRequired),
        (KeyError("data"), UpstreamChanged),
        (AttributeError("'NoneType' object has no attribute 'group'"), UpstreamChanged),
        (importlib.import_module("execjs").ProgramError("no node"), ConfigError),
    ],
)
def test_each_exception_of_the_library_has_its_error(
    exc: Exception, error: type[HostcueError]
) -> None:
    found = failure(site(), exc)
    assert type(found) is error
    assert "c0ffee" not in str(found)
