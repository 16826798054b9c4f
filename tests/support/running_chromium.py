"""A browser of this machine that several tests use: starting one takes longer than most of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import pytest

from hostcue.comments.douyin.chromium import Chromium
from hostcue.model.network import Proxies
from hostcue.platforms.douyin.webs import DouyinWebs


def needs_a_browser() -> None:
    """Skip where none is installed; fail where one has to be."""
    if shutil.which("chromium") is None and shutil.which("google-chrome") is None:
        if os.environ.get("HOSTCUE_REQUIRE_ALL") == "1":
            pytest.fail("no Chromium here, and HOSTCUE_REQUIRE_ALL=1")
        pytest.skip("no Chromium here")


@asynccontextmanager
async def running_chromium(folder: Path) -> AsyncIterator[Chromium]:
    """It goes on between the tests' tabs."""
    needs_a_browser()
    chromium = Chromium(folder)
    async with (
        aclosing(DouyinWebs(Proxies(), base_url="http://127.0.0.1:9")) as webs,
        webs.lend() as web,
        chromium.context(web),
    ):
        yield chromium
