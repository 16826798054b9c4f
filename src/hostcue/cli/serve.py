"""`hostcue serve`."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress

import anyio
import uvicorn

from hostcue.config import Settings
from hostcue.errors import ConfigError, HostcueError, known_cause
from hostcue.model.network import is_loopback_host
from hostcue.web.app import create_app
from hostcue.web.stopping import LONGEST_STOP_S
from hostcue.wiring import Part, Service, open_service
from hostcue.wiring.signals import STOP_SIGNALS


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until a stop signal; returns after recordings were closed.

    Raises:
        ConfigError: without a token beyond loopback, a port in use, an unusable setting.
    """
    if settings.token is None and not is_loopback_host(host):
        raise ConfigError(
            f"refusing to listen on {host} without a token",
            field="HOSTCUE_TOKEN",
            remedy="set HOSTCUE_TOKEN to a long random text, or listen on 127.0.0.1",
        )
    with bind(host, port) as listener:
        address = address_of(listener)

        def ready() -> None:
            gc.collect()
            gc.freeze()  # what was loaded stays: looked at again and again it costs a third
            gc.enable()
            print(f"hostcue listens on {address}", file=sys.stderr, flush=True)

        quiet_stop()
        anyio.run(_serve, settings, listener, ready)


async def _serve(settings: Settings, listener: socket.socket, ready: Callable[[], None]) -> None:
    await run_server(settings, listener, ready)
    leave_in_time()


async def run_server(
    settings: Settings, listener: socket.socket, ready: Callable[[], None]
) -> None:
    """Serve on a bound socket; `ready` is called when requests are answered.

    Raises:
        HostcueError: the service could not start; nothing runs.
    """
    failed: list[HostcueError] = []

    @asynccontextmanager
    async def opener(parts: Collection[Part]) -> AsyncIterator[Service]:
        try:
            async with open_service(settings, parts) as service:
                yield service
        except Exception as exc:
            if (known := known_cause(exc)) is not None:
                failed.append(known)
            raise

    def no_traceback(_: logging.LogRecord) -> bool:
        return not failed

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(no_traceback)
    try:
        config = uvicorn.Config(
            create_app(opener, origins=settings.origins),
            log_config=None,
            access_log=False,  # its lines hold query strings
            lifespan="on",
            timeout_graceful_shutdown=LONGEST_STOP_S,
            server_header=False,
        )
        server = _Server(config, ready)
        with suppress(SystemExit):  # how uvicorn ends when the service could not start
            await server.serve(sockets=[listener])
    finally:
        logger.removeFilter(no_traceback)
    if failed:
        raise failed[0]
    if not server.started:
        raise HostcueError("the service could not start; its log says why")


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()


def bind(host: str, port: int) -> socket.socket:
    """A socket to serve on.

    Raises:
        ConfigError: the port is taken, or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    try:
        if sys.platform != "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as exc:
        listener.close()
        raise ConfigError(
            f"cannot listen on {host}:{port}: {exc.strerror or exc}",
            field="--port",
            remedy="stop what listens there, or choose another with --port",
        ) from exc
    return listener


def address_of(listener: socket.socket) -> str:
    """The URL a browser on this machine opens."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:  # noqa: S104 - compared, not bound
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def leave_in_time(within_s: float = 2.0) -> None:
    """All is closed: end this process, also where threads still wait for a dead name server.

    Nothing can end such a thread, and both asyncio and the interpreter would wait for it.
    """
    end = threading.Timer(within_s, os._exit, [0])
    end.daemon = True
    end.start()


def quiet_stop() -> None:
    """A stop that was asked for is not a failure: uvicorn raises the signal again at its end."""
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: None)
