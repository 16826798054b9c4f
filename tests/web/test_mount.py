"""hostcue inside somebody else's app."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from fastapi.staticfiles import StaticFiles

import hostcue
from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.wiring import Opener, open_service


@pytest.fixture
def opener(tmp_path: Path) -> Opener:
    settings = Settings.only(
        {"HOSTCUE_DATA_DIR": str(tmp_path / "data"), "RECORDS_ROOT": str(tmp_path / "records")}
    )
    return partial(open_service, settings)


@asynccontextmanager
async def running(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        yield client


async def test_the_hosts_life_routes_and_errors_stay_its_own(opener: Opener) -> None:
    lived: list[str] = []

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        lived.append("began")
        yield
        lived.append("ended")

    app = FastAPI(lifespan=life)

    @app.get("/own")
    async def own() -> None:
        raise HTTPException(418, "the host's own error")

    hostcue.mount(app, opener=opener)
    async with running(app) as client:
        assert lived == ["began"]
        assert (await client.get("/own")).json() == {"detail": "the host's own error"}
        assert (await client.get("/nowhere")).json() == {"detail": "Not Found"}
        assert (await client.get("/healthz")).json()["status"] == "ok"
        assert (await client.get("/api/recording/status")).json() == []
    assert lived == ["began", "ended"]


async def test_a_part_left_out_brings_no_routes(opener: Opener) -> None:
    app = FastAPI()
    hostcue.mount(app, parts={"recording"}, opener=opener)
    async with running(app) as client:
        assert (await client.get("/api/recording/status")).status_code == 200
        for path in ("/api/analysis/tips/latest", "/api/douyin/web/status", "/"):
            assert (await client.get(path)).status_code == 404


def test_an_unknown_part_is_named() -> None:
    with pytest.raises(ConfigError, match="'video'") as caught:
        hostcue.mount(FastAPI(), parts={"video"})  # type: ignore[arg-type] # that is the point
    assert "recording" in str(caught.value.remedy)


def test_a_route_that_exists_already_is_an_error_that_names_it() -> None:
    app = FastAPI()

    @app.post("/api/recording/start")
    async def mine() -> None: ...

    with pytest.raises(ConfigError, match="POST /api/recording/start"):
        hostcue.mount(app)


def test_a_route_of_an_included_router_is_seen_too() -> None:
    app, router = FastAPI(), APIRouter(prefix="/api/comments")

    @router.get("")
    async def mine() -> None: ...

    app.include_router(router)
    with pytest.raises(ConfigError, match="GET /api/comments"):
        hostcue.mount(app)
    hostcue.mount(app, parts={"recording", "analysis"})


def test_a_mounted_folder_in_the_way_is_an_error(tmp_path: Path) -> None:
    app = FastAPI()
    app.mount("/static", StaticFiles(directory=tmp_path))
    with pytest.raises(ConfigError, match="/static"):
        hostcue.mount(app)


def test_mounting_twice_is_an_error() -> None:
    app = FastAPI()
    hostcue.mount(app)
    with pytest.raises(ConfigError, match="already has a route"):
        hostcue.mount(app)
