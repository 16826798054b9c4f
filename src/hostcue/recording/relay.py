"""RTMP and RTSP streams by connections of our own, which libav reaches on loopback.

Left to itself libav connects to whatever a name stands for at that moment and to wherever an
RTSP server redirects it, does not verify certificates, knows no proxy for these protocols, and
calls a broken connection the end of the stream.
"""

from __future__ import annotations

import http.client
import re
import select
import socket
import threading
import time
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from hostcue.errors import BadRequest
from hostcue.recording.http_body import HttpRefused, check_peer, http_proxy, proxy_login, trust
from hostcue.recording.protocol import StreamJob

_PORTS = {"rtmp": 1935, "rtmps": 443, "rtsp": 554}
_PIECE = 64 * 1024
_GREETING = 64 * 1024
_GATHER_S = 0.1
_REFUSALS = {404: b"NetStream.Play.StreamNotFound", 403: b"NetConnection.Connect.Rejected"}
_REDIRECT = re.compile(rb"RTSP/\d\.\d\s+3")


class Relay:
    """One connection to a stream's server; `url` is where libav finds it.

    Bytes pass as they are; but what a server says before it plays is listened to.
    """

    def __init__(self, job: StreamJob) -> None:
        parts = urlsplit(job.url)
        self._scheme = parts.scheme.lower()
        self._server = _connect(job, parts)
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listener.settimeout(job.open_timeout_s)
        self._talk = RtspTalk() if self._scheme == "rtsp" else RtmpTalk()
        self.broken: Exception | None = None
        """Why the connection ended, if not by the server's own wish."""
        self.left = False
        """Whether the server ended it; libav calls that a failure of RTMP."""
        login, at, _ = parts.netloc.rpartition("@")
        here = f"{login}{at}127.0.0.1:{self._listener.getsockname()[1]}"
        self.url = parts._replace(scheme=self._scheme.rstrip("s"), netloc=here).geturl()
        if self._scheme == "rtsp":
            self.url = parts._replace(scheme="rtsp", netloc=here).geturl()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        try:
            with self._listener:
                player, _ = self._listener.accept()
        except OSError as exc:
            self.broken = exc
            return
        threading.Thread(target=self._send, args=(player,), daemon=True).start()
        with player, self._server:
            try:
                self._receive(player)
                self.left = True
            except (OSError, BadRequest, HttpRefused) as exc:
                self.broken = exc
            with suppress(OSError):
                player.shutdown(socket.SHUT_RDWR)

    def _receive(self, player: socket.socket) -> None:
        passed = 0
        while data := self._server.recv(_PIECE):
            self._talk.hear(data)
            player.sendall(data)
            passed += len(data)
            if passed > _GREETING and not select.select([self._server], [], [], 0)[0]:
                time.sleep(_GATHER_S)  # one wake-up for several packets

    def _send(self, player: socket.socket) -> None:
        with suppress(OSError):
            while data := player.recv(_PIECE):
                self._server.sendall(data)
            self._server.shutdown(socket.SHUT_WR)


class RtmpTalk:
    """Listens to an RTMP server until it plays, since libav only says that something failed."""

    def __init__(self) -> None:
        self._said = b""

    def hear(self, data: bytes) -> None:
        """Take note of what the server says.

        Raises:
            HttpRefused: it has no such stream, or not for us.
        """
        if len(self._said) < _GREETING:
            self._said += data
            for status, code in _REFUSALS.items():
                if code in self._said:
                    raise HttpRefused(status)


class RtspTalk:
    """Listens to an RTSP server until it plays."""

    def __init__(self) -> None:
        self._line = b""
        self._first = True
        self._body = 0
        self._length = 0
        self._plays = False

    def hear(self, data: bytes) -> None:
        """Take note of what the server says.

        Raises:
            BadRequest: it sends us elsewhere.
        """
        while data and not self._plays:
            if self._body:
                self._body, data = max(0, self._body - len(data)), data[self._body :]
            elif self._first and not self._line and data[:1] == b"$":
                self._plays = True
            else:
                line, end, data = data.partition(b"\n")
                self._line += line
                if end:
                    self._hear_line(self._line.strip())
                    self._line = b""

    def _hear_line(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if self._first and _REDIRECT.match(line):
            raise BadRequest("the stream's server sends us elsewhere, which is not followed")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            self._length = int(value)
        self._first = not line
        if not line:
            self._body, self._length = self._length, 0


def _connect(job: StreamJob, parts: SplitResult) -> socket.socket:
    job.policy.check(job.url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme.lower()]
    proxy = job.proxies.for_url(job.url)
    if proxy is None:
        sock = socket.create_connection((host, port), job.open_timeout_s)
    else:
        sock = _tunnel(http_proxy(proxy), host, port, job.open_timeout_s)
    try:
        if proxy is None:
            check_peer(sock, job.policy)
        if parts.scheme.lower() == "rtmps":
            sock = trust().wrap_socket(sock, server_hostname=host)
        sock.settimeout(job.read_timeout_s)
    except BaseException:
        sock.close()
        raise
    return sock


def _tunnel(via: SplitResult, host: str, port: int, timeout_s: float) -> socket.socket:
    proxy = http.client.HTTPConnection(via.hostname or "", via.port or 80, timeout=timeout_s)
    proxy.set_tunnel(host, port, headers=proxy_login(via))
    try:
        proxy.connect()
    except BaseException:
        proxy.close()
        raise
    return proxy.sock
