"""The way to RTMP and RTSP servers: through a proxy, and not where they send us."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recording_studio import Studio

from hostcue.errors import BadRequest
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.recording.relay import RtspTalk
from hostcue.sim.media import Clip
from hostcue.sim.rtmp import LiveRtmp

GREETING = (
    b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: DESCRIBE\r\n\r\n"
    b"RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 24\r\n\r\nv=0\r\nRTSP/1.0 302 no\r\n\r\n"
)


class Tunnels:
    """A proxy that leads every CONNECT to one port of this machine."""

    def __init__(self, listener: socket.socket, port: int) -> None:
        self.url = f"http://me:p%40ss@127.0.0.1:{listener.getsockname()[1]}"
        self.asked: list[bytes] = []
        self._listener = listener
        self._port = port

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        self.asked.append(head)
        with client, socket.create_connection(("127.0.0.1", self._port)) as server:
            client.sendall(b"HTTP/1.1 200 here you are\r\n\r\n")
            back = threading.Thread(target=_pump, args=(server, client), daemon=True)
            back.start()
            _pump(client, server)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def tunnels_to(port: int) -> Iterator[Tunnels]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        here = Tunnels(listener, port)
        thread = threading.Thread(target=here.serve)
        thread.start()
        try:
            yield here
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


async def test_a_stream_is_fetched_through_the_proxy(studio: Studio, clip: Clip) -> None:
    async with LiveRtmp.open(clip, burst_s=1.0) as rtmp:
        with tunnels_to(int(rtmp.url.split(":")[2].partition("/")[0])) as proxy:
            take = studio.take(
                "rtmp://live.example.com/live/room",
                container="rtmp",
                proxies=Proxies(http=proxy.url),
                policy=AddressPolicy(),
            )
            async with studio.running(take):
                await take.until_closed(1)
            await rtmp.wait_players(0)
    assert rtmp.asked == [("rtmp://live.example.com/live", "room")]
    assert proxy.asked[0].startswith(b"CONNECT live.example.com:1935 ")
    assert b"Proxy-Authorization: Basic bWU6cEBzcw==" in proxy.asked[0]


async def test_another_kind_of_proxy_is_refused_with_the_reason(studio: Studio) -> None:
    take = studio.take(
        "rtsp://live.example.com/room",
        container="rtsp",
        proxies=Proxies(http="socks5://127.0.0.1:9"),
    )
    with pytest.raises(Exception, match="http:// proxy"):
        await take.recorder.run()


@given(cuts=st.lists(st.integers(0, 400), max_size=8).map(sorted))
def test_a_redirect_is_heard_however_it_is_cut(cuts: list[int]) -> None:
    said = GREETING + b"RTSP/1.0 302 Found\nLocation: rtsp://10.0.0.1/\n\n"
    talk = RtspTalk()
    with pytest.raises(BadRequest):
        for begin, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
            talk.hear(said[begin:end])


@given(cuts=st.lists(st.integers(0, 400), max_size=8).map(sorted), media=st.binary(max_size=300))
def test_what_plays_is_passed_as_it_is(cuts: list[int], media: bytes) -> None:
    said = GREETING + b"$" + media + b"\r\n\r\nRTSP/1.0 302 Found\r\n\r\n"
    talk = RtspTalk()
    for begin, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
        talk.hear(said[begin:end])
