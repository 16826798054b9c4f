"""Whatever is killed: at most a second is lost, and nothing is left running."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from clip_frames import frames_in
from recording_studio import Studio, look

from hostcue.model.recording import SaveFormat
from hostcue.recording.engine import Engine
from hostcue.recording.naming import part_path
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks processes up in /proc")


def children(pid: int) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in listing.read_text().split()] if listing.exists() else []


def forker() -> int:
    """The forker is our only child that has the module's name on its command line."""
    (pid,) = [
        pid
        for pid in children(os.getpid())
        if b"hostcue.recording.forker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    return pid


def worker() -> int:
    (pid,) = children(forker())
    return pid


@contextmanager
def watched(*pids: int) -> Iterator[Callable[[], Awaitable[None]]]:
    """Gives a function that waits until all of these processes have ended."""
    with ExitStack() as stack:
        fds = [os.pidfd_open(pid) for pid in pids]
        for fd in fds:
            stack.callback(os.close, fd)

        async def gone() -> None:
            with anyio.fail_after(30):
                for fd in fds:
                    await anyio.wait_readable(fd)

        yield gone


async def test_a_killed_worker_costs_at_most_a_second(studio: Studio, flv: LiveFlv) -> None:
    take = studio.take(flv.url, segment_s=60)
    async with studio.running(take):
        await take.until(lambda: len(take.progress) >= 4)
        killed_ms = time.time_ns() / 1e6
        os.kill(worker(), signal.SIGKILL)
        await take.until_closed(1)
        await take.until(lambda: take.opened[-1].seq == 1)
    recovered, after = take.closed
    assert (recovered.seq, recovered.status) == (0, "recovered")
    assert recovered.window.end_ms >= killed_ms - 2000  # of some four
    assert recovered.window.end_ms - recovered.window.start_ms == recovered.duration_ms
    media = look(recovered.path)
    assert media.keys[0]
    assert len(media.pictures) == pytest.approx(recovered.duration_ms * 15 / 1000, abs=1)
    assert take.gaps[0].cause == "worker_died"
    assert after.seq == 1
    assert not list(take.output.rglob("*.part"))


@pytest.mark.parametrize("save_format", ["mp4", "ts", "mkv", "flv"])
async def test_of_what_was_live_when_a_worker_is_killed_a_second_is_lost_at_most(
    studio: Studio, flv: LiveFlv, clip: Clip, save_format: SaveFormat
) -> None:
    """Measured against the broadcast: the delay on the way to the disk is part of the loss."""
    take = studio.take(flv.url, segment_s=60, save_format=save_format)
    async with studio.running(take):
        await take.until(lambda: len(take.progress) >= 4)
        os.kill(worker(), signal.SIGKILL)
        live_ms = flv.position_ms()
        await take.until_closed(1)
    recovered = take.closed[0]
    assert recovered.status == "recovered"
    found = frames_in([recovered], clip)
    assert (found.damaged, found.doubled) == (0, [])
    lost_ms = live_ms - found.runs[-1].stop * 1000 / 15
    turn_ms = clip.duration_ms
    assert lost_ms - round(lost_ms / turn_ms) * turn_ms <= 2000


async def test_when_the_forker_is_killed_its_workers_finish_and_a_new_one_goes_on(
    studio: Studio, flv: LiveFlv
) -> None:
    async with (
        studio.running(studio.take(flv.url, segment_s=60, anchor="a")) as one,
        studio.running(studio.take(flv.url, segment_s=60, anchor="b")) as two,
    ):
        first = forker()
        with watched(*children(first)) as gone:
            os.kill(first, signal.SIGKILL)
            await gone()
        await one.until(lambda: one.opened[-1].seq == 1)
        await two.until(lambda: two.opened[-1].seq == 1)
        assert forker() != first
    for take in (one, two):
        assert [file.status for file in take.closed] == ["ready", "ready"]
        assert take.gaps[0].cause == "worker_died"


async def test_a_worker_that_hangs_is_killed_and_its_segment_recovered(
    studio: Studio, flv: LiveFlv
) -> None:
    take = studio.take(flv.url, segment_s=60, stop_timeout_s=0.5, read_timeout_s=60)
    async with studio.running(take):
        await take.until(lambda: bool(take.progress))
        hung = worker()
        with watched(hung) as gone:
            os.kill(hung, signal.SIGSTOP)
            began = time.monotonic()
            await take.recorder.stop()
            assert time.monotonic() - began < 15
            await gone()
    assert [file.status for file in take.closed] == ["recovered"]
    assert take.states[-1] == "stopped"


async def test_a_worker_that_falls_silent_is_replaced(studio: Studio, flv: LiveFlv) -> None:
    take = studio.take(flv.url, segment_s=60, read_timeout_s=0.2)
    async with studio.running(take):
        await take.until(lambda: bool(take.progress))
        os.kill(worker(), signal.SIGSTOP)
        await take.until_state("reconnecting")
        await take.until_state("recording")
    assert take.closed[0].status == "recovered"
    assert take.gaps[0].cause == "worker_died"


@asynccontextmanager
async def standing_still(pid: int) -> AsyncIterator[None]:
    """The process neither runs nor ends, as on a machine that is suspended or much too busy."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_worker_that_stood_still_goes_on_with_what_came_meanwhile(
    studio: Studio, flv: LiveFlv, clip: Clip
) -> None:
    take = studio.take(flv.url, segment_s=1, read_timeout_s=1)
    async with studio.running(take):
        await take.until(lambda: len(take.progress) >= 2)
        async with standing_still(worker()):
            await anyio.sleep(2.5)  # longer than a picture may stop coming
        done = len(take.closed)
        await take.until_closed(done + 4)
    assert (take.gaps, take.states) == ([], ["recording", "stopped"])
    # the very last pictures may want one that had not come yet when the recording was stopped
    assert frames_in(take.closed[:-1], clip).whole


@pytest.mark.parametrize("forker_too", [False, True], ids=["server", "server and forker"])
async def test_nothing_is_left_when_the_server_is_killed(
    flv: LiveFlv, tmp_path: Path, forker_too: bool
) -> None:
    """The workers finish their files; the next server finds them and tells what they hold."""
    command = [sys.executable, str(Path(__file__).with_name("recorded_here.py")), flv.url]
    async with await anyio.open_process([*command, str(tmp_path / "小美")], stderr=None) as server:
        assert server.stdout is not None
        with anyio.fail_after(30):
            line = json.loads(await server.stdout.receive())
        (started,) = children(server.pid)
        (room,) = children(started)
        with watched(room, started) as gone:
            for pid in [server.pid, *[started] * forker_too]:
                os.kill(pid, signal.SIGKILL)
            await gone()
    await flv.wait_viewers(0)
    part = part_path(tmp_path / "小美", "rec", 0, "mp4")
    assert not part.exists()
    async with Engine.open() as engine:
        found = await engine.recover(part, start_ms=line["start_ms"], zone="Asia/Shanghai")
    assert found is not None
    assert found.status == "ready"
    assert found.duration_ms >= line["duration_ms"]


async def test_nothing_is_left_when_server_forker_and_worker_are_killed_at_once(
    flv: LiveFlv, tmp_path: Path
) -> None:
    command = [sys.executable, str(Path(__file__).with_name("recorded_here.py")), flv.url]
    async with await anyio.open_process([*command, str(tmp_path / "小美")], stderr=None) as server:
        assert server.stdout is not None
        with anyio.fail_after(30):
            line = json.loads(await server.stdout.receive())
        (started,) = children(server.pid)
        (room,) = children(started)
        with watched(room, started) as gone:
            for pid in (room, started, server.pid):
                os.kill(pid, signal.SIGKILL)
            await gone()
    part = part_path(tmp_path / "小美", "rec", 0, "mp4")
    async with Engine.open() as engine:
        found = await engine.recover(part, start_ms=line["start_ms"], zone="Asia/Shanghai")
        again = await engine.recover(part, start_ms=line["start_ms"], zone="Asia/Shanghai")
    assert found is not None
    assert again is not None
    assert found.status == "recovered"
    assert found.duration_ms >= line["duration_ms"] - 1000
    assert again.path == found.path
    assert look(found.path).keys[0]


async def test_closing_the_engine_lets_workers_finish(tmp_path: Path, flv: LiveFlv) -> None:
    async with Engine.open() as engine:
        studio = Studio(engine, tmp_path)
        take = studio.take(flv.url, segment_s=60)
        async with anyio.create_task_group() as tasks:
            await tasks.start(lambda task_status: take.recorder.run(task_status=task_status))
            pids = [forker(), worker()]
            tasks.cancel_scope.cancel()
    for pid in pids:
        assert not Path(f"/proc/{pid}").exists()


async def test_an_engine_that_never_recorded_started_no_process() -> None:
    before = children(os.getpid())
    async with Engine.open():
        await anyio.lowlevel.checkpoint()
    assert children(os.getpid()) == before


async def test_without_fork_every_room_is_a_process_of_its_own(
    tmp_path: Path, flv: LiveFlv
) -> None:
    before = set(children(os.getpid()))
    async with Engine.open(fork=False) as engine:
        studio = Studio(engine, tmp_path)
        async with studio.running(studio.take(flv.url, segment_s=60)) as take:
            await take.until(lambda: bool(take.progress))
            (mine,) = set(children(os.getpid())) - before
            os.kill(mine, signal.SIGKILL)
            await take.until(lambda: take.opened[-1].seq == 1)
    assert [file.status for file in take.closed] == ["recovered", "ready"]
    assert set(children(os.getpid())) == before
