"""What every test needs."""

from __future__ import annotations

import signal
from collections.abc import Awaitable, Callable
from functools import wraps
from inspect import iscoroutinefunction

import anyio
import pytest
from hypothesis import HealthCheck, settings

# how long an example takes says more of a busy machine than of what is tested
settings.register_profile(
    "hostcue", deadline=None, derandomize=False, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("hostcue")

WITHIN_S = 150
"""Less than pytest's own limit, whose signal an event loop does not survive."""


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start.

    What runs in the background of a script inherits that it is ignored, and hands that on.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> None:
    """Have a test that waits in vain fail, and close what it opened."""
    if iscoroutinefunction(pyfuncitem.obj):
        pyfuncitem.obj = _in_time(pyfuncitem.obj)


def _in_time(test: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    @wraps(test)
    async def bounded(**fixtures: object) -> None:
        with anyio.fail_after(WITHIN_S):
            await test(**fixtures)

    return bounded


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
