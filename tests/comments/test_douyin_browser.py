"""The way by the room's own page, in the real browser of this machine."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from running_chromium import needs_a_browser, running_chromium

from hostcue.comments.douyin.browser import BrowserWay
from hostcue.comments.douyin.browser_program import find_browser
from hostcue.comments.douyin.chromium import Chromium
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.wall import Screenshots
from hostcue.comments.douyin.ways import Connection, Visit
from hostcue.errors import (
    AuthRequired,
    Blocked,
    BrowserDied,
    BrowserMissing,
    TransportFailed,
    UpstreamChanged,
    UpstreamError,
)
from hostcue.model.comment import Comment
from hostcue.model.room import Access, Room
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.douyin.faults import PageMode

pytestmark = pytest.mark.slow

WITHIN_S = 30


@pytest.fixture(autouse=True)
def _needs_a_browser() -> None:
    needs_a_browser()


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    """For tests that look at tabs; those that look at the browser have one of their own."""
    async with running_chromium(tmp_path_factory.mktemp("shared") / "browser") as chromium:
        yield chromium


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "browser"


@pytest.fixture
def chromium(folder: Path) -> Chromium:
    return Chromium(folder)


def way_of(
    chromium: Chromium,
    folder: Path,
    *,
    open_s: float = 15.0,
    regain_s: float = 0.3,
    renew_s: float = 7200.0,
    look_s: float = 5.0,
) -> BrowserWay:
    return BrowserWay(
        chromium,
        Screenshots(folder / "screenshots"),
        open_s=open_s,
        regain_s=regain_s,
        renew_s=renew_s,
        look_s=look_s,
    )


@asynccontextmanager
async def opened(
    way: BrowserWay, webs: DouyinWebs, room: Room, access: Access | None = None
) -> AsyncIterator[Connection]:
    async with (
        webs.lend(access or Access()) as web,
        way.open(Visit(room, web, Inbox(room.room_id))) as connection,
    ):
        yield connection


async def until_chat(connection: Connection, text: str) -> list[str]:
    texts: list[str] = []
    with anyio.fail_after(WITHIN_S):
        while text not in texts:
            delivery = await connection.receive()
            texts += [e.content for e in delivery.events if isinstance(e, Comment)]
    return texts


def processes(mark: object) -> list[int]:
    """The living processes whose command line holds this."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if str(mark).encode() in line and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


async def until(holds: Callable[[], object]) -> None:
    """For what foreign processes do, which give no signal."""
    with anyio.fail_after(WITHIN_S):
        while not holds():  # noqa: ASYNC110 - nothing to wait on
            await anyio.sleep(0.05)


async def until_gone(mark: object) -> None:
    await until(lambda: not processes(mark))


@pytest.mark.parametrize("mode", ["socket", "worker", "polling"])
async def test_comments_come_however_the_page_reads_them(
    shared: Chromium,
    folder: Path,
    face: DouyinFace,
    webs: DouyinWebs,
    room: Room,
    mode: PageMode,
) -> None:
    face.show_page(mode)
    async with opened(way_of(shared, folder), webs, room) as connection:
        face.say("这双多少钱")
        face.say("包邮吗")
        assert await until_chat(connection, "包邮吗") == ["这双多少钱", "包邮吗"]
    asked = [path for path, _ in face.requests]
    assert not [path for path in asked if "/pretend" in path]  # pictures, fonts, films


async def test_rooms_share_one_browser_and_its_visitor_lasts(
    chromium: Chromium, folder: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    way = way_of(chromium, folder)
    async with opened(way, webs, room) as first:
        async with opened(way, webs, room) as second:
            await face.wait_viewers(2)
            face.say("都听见")
            await until_chat(first, "都听见")
            await until_chat(second, "都听见")
        await face.wait_viewers(1)
        own = Access(cookie="sessionid=of-this-room")
        async with opened(way, webs, room, own):
            await face.wait_viewers(2)
        assert len([p for p in processes(folder) if is_browser(p)]) == 1
    await until_gone(folder)
    async with opened(way, webs, room):
        pass
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE((folder / "profile").stat().st_mode) == 0o700
    cookies = [headers.get("cookie", "") for path, headers in face.requests if path.count("/") == 1]
    with_login = [cookie for cookie in cookies if "sessionid=of-this-room" in cookie]
    guests = {ttwid_of(c) for c in cookies if "ttwid" in c and c not in with_login}
    assert with_login
    assert len(guests) == 1  # also after the browser was started anew
    assert not guests & {ttwid_of(cookie) for cookie in with_login}


def is_browser(process: int) -> bool:
    return b"--type=" not in Path(f"/proc/{process}/cmdline").read_bytes()


def ttwid_of(cookie: str) -> str:
    return cookie.partition("ttwid=")[2].partition(";")[0]


async def test_a_tab_is_replaced_when_it_is_old_and_nothing_is_lost_or_doubled(
    shared: Chromium, folder: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with opened(way_of(shared, folder, renew_s=0.3), webs, room) as connection:
        said = 0
        while face.connections < 3:
            face.say(f"第 {said} 条")
            said += 1
            with anyio.move_on_after(0.05):
                await face.until(lambda: face.connections >= 3)
        face.say("完")
        texts = await until_chat(connection, "完")
    assert texts == [*(f"第 {number} 条" for number in range(said)), "完"]


async def test_a_line_that_the_platform_closes_is_lost(
    shared: Chromium, folder: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with opened(way_of(shared, folder), webs, room) as connection:
        face.drop_line()
        with pytest.raises(TransportFailed, match="closed"), anyio.fail_after(WITHIN_S):
            while True:
                await connection.receive()


@pytest.mark.parametrize(
    ("mode", "error", "words"),
    [
        ("login", AuthRequired, "login wall"),
        ("captcha", Blocked, "captcha"),
        ("silent", UpstreamChanged, "no comment connection"),
        ("socket", Blocked, "refused"),
    ],
)
async def test_what_stands_between_is_named_and_shown(
    shared: Chromium,
    folder: Path,
    face: DouyinFace,
    webs: DouyinWebs,
    room: Room,
    mode: PageMode,
    error: type[UpstreamError],
    words: str,
) -> None:
    face.show_page(mode)
    if mode == "socket":
        face.block_signature()
    with pytest.raises(error, match=words) as failure, anyio.fail_after(WITHIN_S):
        async with opened(way_of(shared, folder, open_s=2), webs, room):
            pass
    (picture,) = (folder / "screenshots").glob("*.png")
    assert stat.S_IMODE(picture.stat().st_mode) == 0o600
    assert str(picture) in (failure.value.remedy or "")


async def test_a_browser_that_is_killed_is_told_and_the_next_tab_gets_another(
    chromium: Chromium, folder: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    way = way_of(chromium, folder)
    with pytest.raises(BrowserDied), anyio.fail_after(WITHIN_S):
        async with opened(way, webs, room) as connection:
            (browser,) = (p for p in processes(folder) if is_browser(p))
            os.kill(browser, signal.SIGKILL)
            while True:
                await connection.receive()
    async with opened(way, webs, room) as connection:
        face.say("又在了")
        await until_chat(connection, "又在了")


async def test_a_tab_that_crashes_leaves_the_others_alone(
    shared: Chromium, folder: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    way = way_of(shared, folder)
    async with opened(way, webs, room) as other:
        with pytest.raises(BrowserDied, match="crashed"), anyio.fail_after(WITHIN_S):
            async with opened(way, webs, room) as connection:
                async with webs.lend() as web, shared.context(web) as context:
                    with pytest.raises(Exception, match=r"ERR_ABORTED|crashed"):
                        await context.pages[-1].goto("chrome://crash")
                while True:
                    await connection.receive()
        face.say("还在")
        await until_chat(other, "还在")


@pytest.mark.skipif(sys.platform != "linux", reason="finds the driver in /proc")
async def test_a_driver_that_hangs_is_ended_with_its_browser(
    chromium: Chromium, folder: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    with pytest.raises(BrowserDied), anyio.fail_after(WITHIN_S):
        async with opened(way_of(chromium, folder, look_s=0.3), webs, room) as connection:
            (browser,) = (p for p in processes(folder) if is_browser(p))
            status = Path(f"/proc/{browser}/status").read_text(encoding="utf-8")
            os.kill(int(status.partition("PPid:")[2].split()[0]), signal.SIGSTOP)
            while True:
                await connection.receive()
    await until_gone(folder)


async def test_when_our_process_is_killed_its_browser_ends_too(
    folder: Path, face: DouyinFace, room: Room
) -> None:
    script = Path(__file__).with_name("left_open_browser.py")
    command = [sys.executable, str(script), face.web_url, room.live_id, room.room_id, str(folder)]
    async with await anyio.open_process(command) as process:
        with anyio.fail_after(WITHIN_S):
            await face.wait_viewers(1)
            process.kill()
            await face.wait_viewers(0)
    await until_gone(folder)


async def test_the_users_own_browser_is_used_and_left_as_it_was(
    folder: Path, tmp_path: Path, face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    theirs = tmp_path / "theirs"
    command = [
        find_browser(),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--no-proxy-server",
        "--remote-debugging-port=0",
        f"--user-data-dir={theirs}",
        "about:blank",
    ]
    async with await anyio.open_process(command) as process:
        try:
            port_file = theirs / "DevToolsActivePort"
            await until(lambda: port_file.exists() and port_file.read_text(encoding="utf-8"))
            port = port_file.read_text(encoding="utf-8").split()[0]
            chromium = Chromium(folder, cdp_url=f"http://127.0.0.1:{port}")
            async with opened(way_of(chromium, folder), webs, room) as connection:
                face.say("借用")
                await until_chat(connection, "借用")
            await face.wait_viewers(0)
            assert process.returncode is None
        finally:
            process.terminate()
    await until_gone(theirs)


async def test_a_browser_that_is_not_there_is_told_with_what_to_do(
    folder: Path, webs: DouyinWebs, room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BrowserMissing) as failure:
        async with opened(way_of(Chromium(folder, path="/nowhere"), folder), webs, room):
            pass
    assert failure.value.field == "HOSTCUE_BROWSER_PATH"
    with pytest.raises(BrowserDied, match="HOSTCUE_BROWSER_CDP_URL") as died:
        theirs = Chromium(folder, cdp_url="http://127.0.0.1:9")
        async with opened(way_of(theirs, folder), webs, room):
            pass
    assert died.value.remedy
    monkeypatch.setattr("hostcue.comments.douyin.browser_program.find_spec", lambda _: None)
    with pytest.raises(BrowserMissing) as failure:
        async with opened(way_of(Chromium(folder), folder), webs, room):
            pass
    assert failure.value.remedy == "pip install 'hostcue[browser]'"


async def test_a_program_that_is_no_browser_is_told(
    folder: Path, webs: DouyinWebs, room: Room
) -> None:
    with pytest.raises(BrowserDied, match="could not be started") as failure:
        no_browser = shutil.which("false") or "false"
        async with opened(way_of(Chromium(folder, path=no_browser), folder), webs, room):
            pass
    assert failure.value.remedy
