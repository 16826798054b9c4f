"""`hostcue serve` as a process, and clients that talk to it as anybody would."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx2
from anyio.abc import Process
from anyio.streams.text import TextReceiveStream
from ready_database import lay

DEAD_PROXY = "http://127.0.0.1:9"
"""Nothing listens there: whatever goes through a proxy by mistake fails at once."""


@dataclass
class Stream:
    """An SSE client that keeps what it got and lets a test wait for it."""

    events: list[dict[str, object]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    raw: list[str] = field(default_factory=list)
    ended: anyio.Event = field(default_factory=anyio.Event)
    _news: anyio.Event = field(default_factory=anyio.Event)

    def take(self, line: str) -> None:
        self.raw.append(line)
        if line.startswith("id: "):
            self.ids.append(line.removeprefix("id: "))
        if line.startswith("data: "):
            self.events.append(json.loads(line.removeprefix("data: ")))
        self._news.set()
        self._news = anyio.Event()

    async def news(self) -> None:
        """Wait for the next line."""
        await self._news.wait()

    async def wait(
        self, kind: str, count: int = 1, within_s: float = 60
    ) -> list[dict[str, object]]:
        """The data of the first `count` events of a type, once they are there."""
        with anyio.fail_after(within_s):
            while len(found := self.of(kind)) < count:
                await self._news.wait()
        return found[:count]

    async def wait_for(
        self, kind: str, within_s: float = 60, **values: object
    ) -> dict[str, object]:
        """The data of the first event of a type with these values, once it is there."""
        with anyio.fail_after(within_s):
            while True:
                for data in self.of(kind):
                    if all(data.get(key) == value for key, value in values.items()):
                        return data
                await self._news.wait()

    def of(self, kind: str) -> list[dict[str, object]]:
        return [event["data"] for event in self.events if event["type"] == kind]  # type: ignore[misc] # JSON


@dataclass
class Server:
    """A running server process."""

    process: Process
    url: str
    http: httpx2.AsyncClient
    log: list[str]

    async def get(self, path: str, **query: object) -> object:
        answer = await self.http.get(path, params=query)  # type: ignore[arg-type] # test shorthand
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def post(self, path: str, body: object) -> dict[str, object]:
        answer = await self.http.post(path, json=body)
        assert answer.status_code in {200, 202}, (path, answer.status_code, answer.text)
        return answer.json()  # type: ignore[no-any-return] # JSON

    @asynccontextmanager
    async def stream(
        self, path: str = "/api/recording/events", last_event_id: str | None = None
    ) -> AsyncIterator[Stream]:
        """An SSE client, connected: the server's first comment line has come."""
        client, connected = Stream(), anyio.Event()
        headers = {} if last_event_id is None else {"Last-Event-ID": last_event_id}

        async def read() -> None:
            try:
                async with self.http.stream("GET", path, headers=headers, timeout=None) as answer:
                    assert answer.status_code == 200, await answer.aread()
                    assert answer.headers["content-type"].startswith("text/event-stream")
                    async for line in answer.aiter_lines():
                        client.take(line)
                        connected.set()
            except httpx2.TransportError:
                pass  # the server was killed
            finally:
                client.ended.set()
                connected.set()

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            with anyio.fail_after(30):
                await connected.wait()
            yield client
            tasks.cancel_scope.cancel()

    async def record(self, link: str, **more: object) -> str:
        started = await self.post(
            "/api/recording/start", {"live_url": link, "segment_time": 2, **more}
        )
        return str(started["recording_id"])

    async def terminate(self) -> float:
        """SIGTERM; how long the process took to end, in seconds."""
        began = anyio.current_time()
        self.process.terminate()
        with anyio.fail_after(60):
            await self.process.wait()
        return anyio.current_time() - began

    async def kill(self) -> None:
        self.process.kill()
        with anyio.fail_after(30):
            await self.process.wait()


Serve = Callable[..., AbstractAsyncContextManager[Server]]


@asynccontextmanager
async def start_server(
    folder: Path,
    environment: dict[str, str],
    *,
    token: str | None = None,
    command: list[str] | None = None,
    cwd: Path | None = None,
    fresh: bool = False,
) -> AsyncIterator[Server]:
    """A server on a data folder in `folder`; a `fresh` one has to create its database first."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "HTTP_PROXY": DEAD_PROXY,
        "HTTPS_PROXY": DEAD_PROXY,
        "http_proxy": DEAD_PROXY,
        "HOSTCUE_DATA_DIR": str(folder / "data"),
        "RECORDS_ROOT": str(folder / "records"),
        "HOSTCUE_TZ": "Asia/Shanghai",
        "HOSTCUE_MODEL_BACKOFF_S": "0",
        "HOSTCUE_MIN_FREE_BYTES": "32MiB",
        "PYTHONUNBUFFERED": "1",
    } | environment
    if token is not None:
        variables["HOSTCUE_TOKEN"] = token
    if not fresh:
        lay(Path(variables["HOSTCUE_DATA_DIR"]) / "hostcue.db")
    process = await anyio.open_process(
        command or [sys.executable, "-m", "hostcue", "serve", "--port", "0"],
        env=variables,
        cwd=cwd or folder,
        stdin=None,
    )
    lines: list[str] = []
    address = anyio.Event()
    found: list[str] = []

    async def read(stream: object) -> None:
        rest = ""
        async for text in TextReceiveStream(stream, errors="replace"):  # type: ignore[arg-type] # a pipe
            *whole, rest = (rest + text).split("\n")
            lines.extend(whole)
            for line in whole:
                for mark in ("hostcue listens on ", "Uvicorn running on "):
                    if mark in line:
                        found.append(line.split(mark)[1].split()[0])
                        address.set()
        address.set()

    async with process, anyio.create_task_group() as tasks:
        tasks.start_soon(read, process.stderr)
        tasks.start_soon(read, process.stdout)
        try:
            with anyio.fail_after(90):
                await address.wait()
            assert found, "\n".join(lines)
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            async with httpx2.AsyncClient(
                base_url=found[0], headers=headers, timeout=60, trust_env=False
            ) as http:
                yield Server(process, found[0], http, lines)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                with anyio.move_on_after(30, shield=True):
                    await process.wait()
            if process.returncode is None:
                process.kill()
            tasks.cancel_scope.cancel()
