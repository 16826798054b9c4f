"""An HTTP server on loopback that keeps what it is sent, and answers as it is told to."""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Self

import anyio
from anyio.abc import ByteStream, SocketAttribute
from anyio.streams.buffered import BufferedByteReceiveStream
from anyio.streams.tls import TLSListener


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        value: dict[str, object] = json.loads(self.body)
        return value

    def is_signed_with(self, secret: str) -> bool:
        """Worked out anew from the header's description, not with hostcue's code."""
        stamp, proof = self.headers["hostcue-signature"].split(",")
        assert stamp[:2] == "t="
        assert proof[:3] == "v1="
        mac = hmac.HMAC(secret.encode("ascii"), digestmod=hashlib.sha256)
        mac.update(stamp[2:].encode("ascii"))
        mac.update(b".")
        mac.update(self.body)
        return hmac.compare_digest(mac.hexdigest(), proof[3:])


@dataclass
class WebhookReceiver:
    """`statuses` are answered one after the other, the last one from then on; 0 never answers."""

    port: int
    statuses: list[int] = field(default_factory=lambda: [200])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    received: list[Received] = field(default_factory=list[Received])
    _news: anyio.Event = field(default_factory=anyio.Event)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def secure_host(self) -> str:
        """By the name that a certificate can bear."""
        return f"localhost:{self.port}"

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.host}{path}"

    def answer(self, *statuses: int, **headers: str) -> None:
        self.statuses = list(statuses)
        self.headers = headers

    async def wait(self, count: int, within_s: float = 30) -> list[Received]:
        """The first `count` requests, once they have come."""
        with anyio.fail_after(within_s):
            while len(self.received) < count:
                await self._news.wait()
        return self.received[:count]

    async def wait_type(self, kind: str, within_s: float = 30) -> dict[str, object]:
        """The first message of a type, once it has come."""
        with anyio.fail_after(within_s):
            while True:
                for request in self.received:
                    if request.json.get("type") == kind:
                        return request.json
                await self._news.wait()

    @classmethod
    @asynccontextmanager
    async def open(cls, tls: ssl.SSLContext | None = None) -> AsyncIterator[Self]:
        async with await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0) as server:
            receiver = cls(server.extra(SocketAttribute.local_port))  # noqa: S610 - not Django's
            async with anyio.create_task_group() as tasks:
                listener = TLSListener(server, tls) if tls else server
                tasks.start_soon(listener.serve, receiver._serve)
                yield receiver
                tasks.cancel_scope.cancel()

    async def _serve(self, client: ByteStream) -> None:
        async with client:
            stream = BufferedByteReceiveStream(client)
            try:
                head = (await stream.receive_until(b"\r\n\r\n", 65536)).decode()
                request, *lines = head.split("\r\n")
                headers = {
                    name.lower(): value.strip()
                    for name, _, value in (line.partition(":") for line in lines)
                }
                body = await stream.receive_exactly(int(headers.get("content-length", "0")))
            except (anyio.IncompleteRead, anyio.BrokenResourceError):
                return
            self.received.append(Received(request.split()[1], headers, body))
            news, self._news = self._news, anyio.Event()
            news.set()
            status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
            if status == 0:
                await anyio.sleep_forever()
            more = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items())
            answer = f"HTTP/1.1 {status} So\r\nConnection: close\r\nContent-Length: 0\r\n{more}\r\n"
            try:
                await client.send(answer.encode())
            except anyio.BrokenResourceError:
                return  # whoever asked is gone
