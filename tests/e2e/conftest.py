"""`hostcue serve` as a process, beside a pretend room in this one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from browser_page import open_browser
from playwright.async_api import Browser
from server_process import Serve, start_server

from hostcue.sim.room import PretendRoom


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For fixtures of a module, in each of which there is one event loop."""
    return "asyncio"


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Starts a server on data and records of this test, with a dead proxy in its environment."""
    return partial(start_server, tmp_path)


@pytest.fixture
async def room() -> AsyncIterator[PretendRoom]:
    async with PretendRoom.open(pace=3) as opened:
        yield opened


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for all tests of a module: starting it takes longer than some of them."""
    async with open_browser() as opened:
        yield opened
