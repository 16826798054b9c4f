"""Where a stream may lead: redirects, playlists, proxies, certificates."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import anyio
import pytest
from recording_studio import Studio, look

from hostcue.errors import (
    BadRequest,
    HostcueError,
    MediaUnsupported,
    PrivateAddress,
    TransportFailed,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.room import Container
from hostcue.recording.hls import HlsStream
from hostcue.recording.http_body import HttpClient, HttpRefused
from hostcue.recording.playlist import NotAPlaylist
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip

Answer = tuple[int, dict[str, str], bytes]


class Site:
    """An HTTP server, and a proxy too: it answers for every host."""

    def __init__(self, url: str, asked: list[tuple[str, dict[str, str]]]) -> None:
        self.url = url
        self.asked = asked
        self.pages: dict[str, Answer | Callable[[], Answer]] = {}

    @property
    def targets(self) -> list[str]:
        return [target for target, _ in self.asked]


@contextmanager
def site(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    asked: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append((self.path, dict(self.headers)))
            page = here.pages.get(urlsplit(self.path).path, (404, {}, b""))
            status, headers, body = page() if callable(page) else page
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        here = Site(f"http://127.0.0.1:{server.server_address[1]}", asked)
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
            here.url = here.url.replace("http:", "https:")
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def cdn() -> Iterator[Site]:
    with site() as here:
        yield here


def client(**options: object) -> HttpClient:
    settings = {"proxies": Proxies(), "policy": AddressPolicy(allow_private=True)}
    return HttpClient(**{**settings, "open_timeout_s": 2.0, "read_timeout_s": 2.0, **options})  # type: ignore[arg-type] # fine in a test


def behind(cdn: Site) -> HttpClient:
    """The public network, played by a proxy; addresses are checked as in real life."""
    return client(proxies=Proxies(http=cdn.url), policy=AddressPolicy())


def test_a_body_is_read_to_its_end(cdn: Site) -> None:
    cdn.pages["/a"] = (200, {}, b"x" * 100_000)
    body = client().get(f"{cdn.url}/a?sign=1", {"Referer": "https://live.douyin.com/"})
    read = b""
    while piece := body.read(4096):
        read += piece
    assert read == b"x" * 100_000
    assert body.read(4096) == b""
    target, headers = cdn.asked[0]
    assert target == "/a?sign=1"
    assert headers["Referer"] == "https://live.douyin.com/"
    assert headers["User-Agent"].startswith("Mozilla/5.0")
    body.close()


def test_a_proxy_gets_the_whole_address_and_its_own_login(cdn: Site) -> None:
    cdn.pages["/a.flv"] = (200, {}, b"x")
    proxy = cdn.url.replace("http://", "http://me:p%40ss@")
    network = client(proxies=Proxies(http=proxy), policy=AddressPolicy())
    network.get("http://live.example.com/a.flv?sign=1", {}).close()
    target, headers = cdn.asked[0]
    assert target == "http://live.example.com/a.flv?sign=1"
    assert headers["Host"] == "live.example.com"
    assert headers["Proxy-Authorization"] == "Basic bWU6cEBzcw=="


def test_what_is_fetched_comes_whole_or_not_at_all(cdn: Site) -> None:
    cdn.pages["/a"] = (302, {"Location": "/b"}, b"")
    cdn.pages["/b"] = (200, {}, b"x" * 200_000)
    cdn.pages["/torn"] = (200, {"Content-Length": "300000"}, b"x" * 200_000)
    network = client()
    for _ in range(2):
        assert network.fetch(f"{cdn.url}/a", {}, within_s=2) == (f"{cdn.url}/b", b"x" * 200_000)
    with pytest.raises(http.client.IncompleteRead):
        network.fetch(f"{cdn.url}/torn", {}, within_s=2)
    with pytest.raises(HttpRefused, match="404"):
        network.fetch(f"{cdn.url}/nothing", {}, within_s=2)


def test_a_redirect_is_followed_and_names_the_new_place(cdn: Site) -> None:
    cdn.pages["/a"] = (302, {"Location": "/b?x=1"}, b"")
    cdn.pages["/b"] = (200, {}, b"x")
    with_cookie = {"Cookie": "secret", "Referer": "r"}
    body = client(home=cdn.url).get(f"{cdn.url}/a", with_cookie)
    assert body.name == f"{cdn.url}/b?x=1"
    assert cdn.asked[1][1]["Cookie"] == "secret"
    body.close()


def test_a_cookie_does_not_follow_to_another_host(cdn: Site) -> None:
    with site() as other:
        cdn.pages["/a"] = (302, {"Location": f"{other.url}/b"}, b"")
        other.pages["/b"] = (200, {}, b"x")
        client(home=cdn.url).get(f"{cdn.url}/a", {"Cookie": "secret", "Referer": "r"}).close()
        assert cdn.asked[0][1]["Cookie"] == "secret"
        assert "Cookie" not in other.asked[0][1]
        assert other.asked[0][1]["Referer"] == "r"


def test_a_cookie_given_for_tls_is_not_sent_in_clear() -> None:
    with site() as plain:
        plain.pages["/a"] = (200, {}, b"x")
        home = plain.url.replace("http:", "https:")
        client(home=home).get(f"{plain.url}/a", {"Cookie": "secret"}).close()
        assert "Cookie" not in plain.asked[0][1]


def test_no_other_host_that_a_playlist_names_sees_the_cookie(cdn: Site) -> None:
    with site() as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        listed = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{cdn.url}/1.ts\n"
        listed += f"#EXTINF:1,\n{elsewhere}/2.ts\n#EXT-X-ENDLIST\n"
        cdn.pages["/live.m3u8"] = (
            200,
            {},
            f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{elsewhere}/v.m3u8\n".encode(),
        )
        other.pages["/v.m3u8"] = (200, {}, listed.encode())
        cdn.pages["/1.ts"], other.pages["/2.ts"] = (200, {}, b"one"), (200, {}, b"two")
        network = client(home=f"{cdn.url}/live.m3u8")
        headers = {"Cookie": "secret", "Referer": "r"}
        stream = HlsStream(network, network.home, headers, patience_s=1.0)
        stream.open(None)
        assert b"".join(iter(lambda: stream.read(4096), b"")) == b"onetwo"
        assert {(target, there.get("Cookie")) for target, there in cdn.asked} == {
            ("/live.m3u8", "secret"),
            ("/1.ts", "secret"),
        }
        assert [(target, "Cookie" in there) for target, there in other.asked] == [
            ("/v.m3u8", False),
            ("/2.ts", False),
        ]
        assert all(there["Referer"] == "r" for _, there in other.asked)


@pytest.mark.parametrize(
    "there", ["http://10.1.2.3/x", "http://169.254.169.254/", "http://[fd00::1]/", "http://127.1/"]
)
def test_a_redirect_into_a_private_network_is_not_followed(cdn: Site, there: str) -> None:
    cdn.pages["/a"] = (302, {"Location": there}, b"")
    with pytest.raises(PrivateAddress):
        behind(cdn).get("http://live.example.com/a", {})
    assert len(cdn.asked) == 1


@pytest.mark.parametrize("there", ["file:///etc/passwd", "ftp://example.com/", "gopher://x/"])
def test_a_redirect_out_of_http_is_not_followed(cdn: Site, there: str) -> None:
    cdn.pages["/a"] = (302, {"Location": there}, b"")
    with pytest.raises(HostcueError):
        behind(cdn).get("http://live.example.com/a", {})


def test_redirects_in_a_circle_end(cdn: Site) -> None:
    cdn.pages["/a"] = (302, {"Location": "/a"}, b"")
    with pytest.raises(HttpRefused, match="302"):
        client().get(f"{cdn.url}/a", {})
    assert len(cdn.asked) == 6


def test_an_address_is_checked_once_more_when_connected(cdn: Site) -> None:
    with pytest.raises(PrivateAddress):
        client(policy=AddressPolicy()).get(cdn.url, {})
    assert cdn.asked == []


@pytest.mark.parametrize(
    "entry",
    ["http://10.1.2.3/a.ts", "http://[fd00::1]/a.ts", "file:///etc/passwd", "rtmp://10.1.2.3/x"],
)
@pytest.mark.parametrize("kind", ["#EXTINF:4,", "#EXT-X-STREAM-INF:BANDWIDTH=1"])
async def test_a_playlist_that_leads_into_a_private_network_is_refused(
    studio: Studio, cdn: Site, entry: str, kind: str
) -> None:
    text = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{kind}\n{entry}\n"
    cdn.pages["/list.m3u8"] = (200, {}, text.encode())
    take = studio.take(
        "http://live.example.com/list.m3u8",
        container="hls",
        proxies=Proxies(http=cdn.url),
        policy=AddressPolicy(),
        open_timeout_s=0.4,
    )
    with anyio.fail_after(30), pytest.raises((PrivateAddress, TransportFailed)):
        await take.recorder.run()
    assert set(cdn.targets) == {"http://live.example.com/list.m3u8"}
    assert take.events == []


@pytest.mark.parametrize("text", ["ffconcat version 1.0\nfile 'http://10.1.2.3/a.flv'\n", "<MPD/>"])
async def test_a_list_that_poses_as_a_stream_opens_nothing(
    studio: Studio, cdn: Site, text: str
) -> None:
    cdn.pages["/room.flv"] = (200, {}, text.encode() * 50)
    take = studio.take(f"{cdn.url}/room.flv")
    with anyio.fail_after(30), pytest.raises((MediaUnsupported, TransportFailed)):
        await take.recorder.run()
    assert cdn.targets == ["/room.flv"]


@pytest.mark.parametrize("tags", [1, 2, 3, 8], ids="{} tags".format)
async def test_a_stream_that_drops_before_its_first_picture_is_not_blamed_on_its_codec(
    studio: Studio, cdn: Site, clip: Clip, tags: int
) -> None:
    sounds = [tag for tag in clip.tags if tag.kind == 8]
    sent = [tag.encode(tag.at_ms) for tag in (*clip.headers, *sounds)][:tags]
    cdn.pages["/room.flv"] = (200, {}, clip.flv_header + b"".join(sent))
    take = studio.take(f"{cdn.url}/room.flv")
    with anyio.fail_after(30), pytest.raises(TransportFailed):
        await take.recorder.run()
    assert take.events == []


async def test_a_stream_whose_codec_is_none_of_ours_is_told_with_its_name(
    studio: Studio, cdn: Site, clip: Clip
) -> None:
    picture = b"\x22" + bytes.fromhex("00008402") + bytes(200)  # Sorenson's H.263
    tag = b"\x09" + len(picture).to_bytes(3, "big") + bytes(7) + picture
    tag += len(tag).to_bytes(4, "big")
    cdn.pages["/room.flv"] = (200, {}, clip.flv_header + tag * 50)
    take = studio.take(f"{cdn.url}/room.flv")
    with anyio.fail_after(30), pytest.raises(MediaUnsupported, match="flv1"):
        await take.recorder.run()


@pytest.mark.parametrize(("scheme", "container"), [("https", "flv"), ("rtmps", "rtmp")])
async def test_a_server_with_a_certificate_of_its_own_making_is_refused(
    studio: Studio, scheme: str, container: Container
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("self_signed.pem"))
    with site(context) as shady:
        url = shady.url.replace("https", scheme)
        take = studio.take(f"{url}/room.flv", container=container)
        with anyio.fail_after(30), pytest.raises(TransportFailed, match="prove"):
            await take.recorder.run()
        assert shady.asked == []


async def test_a_secure_stream_is_recorded(
    studio: Studio, flv: LiveFlv, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    pem = Path(__file__).with_name("self_signed.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with site(context) as secure:
        secure.pages["/room.flv"] = (200, {}, _as_file(clip))
        url = f"{secure.url}/room.flv".replace("127.0.0.1", "localhost")
        take = studio.take(url, segment_s=2, endless=False)
        await studio.whole(take)
    assert sum(len(look(file.path).pictures) for file in take.closed) == 60


def _as_file(clip: Clip, *, turns: int = 1) -> bytes:
    parts = [b"FLV\x01\x05\x00\x00\x00\x09", bytes(4)]
    parts += [tag.encode(0) for tag in clip.headers]
    for turn in range(turns):
        parts += [tag.encode(turn * clip.duration_ms + tag.at_ms) for tag in clip.tags]
    return b"".join(parts)


def test_of_many_servers_only_a_few_connections_are_kept() -> None:
    network = client()
    with ExitStack() as stack:
        for _ in range(8):
            there = stack.enter_context(site())
            there.pages["/a"] = (200, {}, b"x")
            assert network.fetch(f"{there.url}/a", {}, within_s=2)[1] == b"x"
            assert len(network._idle) <= 4
        for link in network._idle.values():
            link.connection.close()


def test_more_than_a_playlist_can_be_is_not_read(cdn: Site) -> None:
    cdn.pages["/list.m3u8"] = (200, {}, b"#EXTM3U\n" + b"#\n" * 5_000_000)
    stream = HlsStream(client(), f"{cdn.url}/list.m3u8", {}, patience_s=1.0)
    with pytest.raises(BadRequest, match="larger"):
        stream.open(None)


def test_a_master_playlist_that_names_itself_is_none(cdn: Site) -> None:
    text = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nlist.m3u8\n"
    cdn.pages["/list.m3u8"] = (200, {}, text)
    with pytest.raises(NotAPlaylist):
        HlsStream(client(), f"{cdn.url}/list.m3u8", {}, patience_s=1.0).open(None)
    assert len(cdn.asked) == 2


def test_pieces_of_one_file_are_cut_out_where_the_server_knows_no_ranges(cdn: Site) -> None:
    cdn.pages["/all.ts"] = (200, {}, b"aaabbbbcc")
    cdn.pages["/list.m3u8"] = (
        200,
        {},
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n#EXT-X-BYTERANGE:3@0\nall.ts\n"
        b"#EXTINF:1,\n#EXT-X-BYTERANGE:4\nall.ts\n#EXT-X-ENDLIST\n",
    )
    stream = HlsStream(client(), f"{cdn.url}/list.m3u8", {}, patience_s=1.0)
    stream.open(None)
    assert b"".join(iter(lambda: stream.read(4096), b"")) == b"aaabbbb"
