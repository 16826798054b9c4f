"""Durable analyses."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path

import anyio
import anyio.lowlevel
import anyio.to_thread
import pytest

from hostcue.errors import ConfigError
from hostcue.jobs.engine import Jobs


class Steps:
    """Writes down what it is asked to do, and with which loop."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str, int, int]] = []
        self.answers: list[dict[str, object]] = []
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.running = 0
        self.most = 0
        self.asked = anyio.Event()
        self.two_run = anyio.Event()
        self.may_answer = anyio.Event()
        self.may_answer.set()
        self.fails: set[int] = set()

    async def ask(self, recording_id: str, seq: int, run: int) -> dict[str, object]:
        self.done.append(("ask", recording_id, seq, run))
        self.loops.add(asyncio.get_running_loop())
        self.running += 1
        self.most = max(self.most, self.running)
        self.asked.set()
        if self.running == 2:
            self.two_run.set()
        try:
            await self.may_answer.wait()
        finally:
            self.running -= 1
        if seq in self.fails:
            raise RuntimeError("no lines today")
        return {"text": "点链接", "scores": [0.5], "none": None}

    async def save(self, recording_id: str, seq: int, run: int, answer: dict[str, object]) -> None:
        self.done.append(("save", recording_id, seq, run))
        self.loops.add(asyncio.get_running_loop())
        self.answers.append(answer)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "data" / "jobs.db"


async def test_an_analysis_asks_once_and_saves_what_came_back(database: Path) -> None:
    steps = Steps()
    with anyio.fail_after(30):
        async with Jobs.open(database, steps) as jobs:
            assert await jobs.analyse("rec", 3)
            await jobs.idle()
    assert steps.done == [("ask", "rec", 3, 0), ("save", "rec", 3, 0)]
    assert steps.answers == [{"text": "点链接", "scores": [0.5], "none": None}]


async def test_steps_run_in_the_loop_of_the_caller(database: Path) -> None:
    steps = Steps()
    async with Jobs.open(database, steps) as jobs:
        await jobs.analyse("rec", 0)
        await jobs.idle()
    assert steps.loops == {asyncio.get_running_loop()}


async def test_a_segment_is_analysed_once_unless_it_is_another_run(database: Path) -> None:
    steps = Steps()
    async with Jobs.open(database, steps) as jobs:
        steps.may_answer = anyio.Event()
        assert await jobs.analyse("rec", 0)
        assert not await jobs.analyse("rec", 0), "while it runs"
        steps.may_answer.set()
        await jobs.idle()
        assert not await jobs.analyse("rec", 0), "when it is finished"
        assert await jobs.analyse("rec", 0, run=1)
        await jobs.idle()
    async with Jobs.open(database, steps) as jobs:
        assert not await jobs.analyse("rec", 0), "after a restart"
        await jobs.idle()
    assert [done for done in steps.done if done[0] == "ask"] == [
        ("ask", "rec", 0, 0),
        ("ask", "rec", 0, 1),
    ]


async def test_a_failing_analysis_ends_alone(database: Path) -> None:
    steps = Steps()
    steps.fails = {1}
    async with Jobs.open(database, steps) as jobs:
        for seq in range(3):
            await jobs.analyse("rec", seq)
        await jobs.idle()
    assert sorted(seq for step, _, seq, _ in steps.done if step == "save") == [0, 2]
    async with Jobs.open(database, steps) as jobs:
        assert not await jobs.analyse("rec", 1), "failed for good, not to be tried at each start"
        await jobs.idle()
    assert [seq for step, _, seq, _ in steps.done if step == "ask"].count(1) == 1


async def test_no_more_run_at_once_than_allowed(database: Path) -> None:
    steps = Steps()
    steps.may_answer = anyio.Event()
    async with Jobs.open(database, steps, at_once=2) as jobs:
        for seq in range(5):
            await jobs.analyse("rec", seq)
        await steps.two_run.wait()
        steps.may_answer.set()
        await jobs.idle()
    assert steps.most == 2
    assert len(steps.answers) == 5


async def test_what_a_stop_interrupts_goes_on_at_the_next_start(database: Path) -> None:
    steps = Steps()
    steps.may_answer = anyio.Event()
    async with Jobs.open(database, steps, at_once=1, grace_s=0) as jobs:
        await jobs.analyse("rec", 0)
        await steps.asked.wait()
        await jobs.analyse("rec", 1)
    assert [step for step, *_ in steps.done] == ["ask"]
    steps.may_answer.set()
    with anyio.fail_after(30):
        async with Jobs.open(database, steps) as jobs:
            await jobs.idle()
    assert sorted(steps.done) == [
        ("ask", "rec", 0, 0),
        ("ask", "rec", 0, 0),
        ("ask", "rec", 1, 0),
        ("save", "rec", 0, 0),
        ("save", "rec", 1, 0),
    ]


async def test_a_stop_waits_for_what_is_nearly_done(database: Path) -> None:
    steps = Steps()
    steps.may_answer = anyio.Event()
    async with anyio.create_task_group() as others, Jobs.open(database, steps) as jobs:
        await jobs.analyse("rec", 0)
        await steps.asked.wait()
        others.start_soon(_later, steps.may_answer)
    assert steps.done == [("ask", "rec", 0, 0), ("save", "rec", 0, 0)]


async def _later(event: anyio.Event) -> None:
    await anyio.lowlevel.checkpoint()
    event.set()


async def test_an_analysis_that_never_survives_is_given_up(database: Path) -> None:
    steps = Steps()
    steps.may_answer = anyio.Event()
    async with Jobs.open(database, steps, grace_s=0) as jobs:
        await jobs.analyse("rec", 0)
        await steps.asked.wait()
    for _ in range(3):
        steps.asked = anyio.Event()
        async with Jobs.open(database, steps, grace_s=0):
            await steps.asked.wait()
    with anyio.fail_after(30):
        async with Jobs.open(database, steps) as jobs:
            await jobs.idle()
    assert steps.done == [("ask", "rec", 0, 0)] * 4


async def test_a_process_killed_between_asking_and_saving_asks_once(
    database: Path, tmp_path: Path
) -> None:
    journal = tmp_path / "journal"
    with anyio.fail_after(60):
        await anyio.run_process(
            [sys.executable, str(Path(__file__).with_name("dies_before_saving.py"))],
            input=f"{database}\n{journal}".encode(),
            check=False,
        )
    assert journal.read_text() == "ask rec 7 0\n"
    steps = Steps()
    with anyio.fail_after(30):
        async with Jobs.open(database, steps) as jobs:
            await jobs.idle()
    assert steps.done == [("save", "rec", 7, 0)]
    assert steps.answers == [{"text": "paid for"}]


async def test_nothing_stays_behind(database: Path) -> None:
    before = set(threading.enumerate())
    async with Jobs.open(database, Steps()) as jobs:
        await jobs.analyse("rec", 0)
        await jobs.idle()
    left = [t for t in threading.enumerate() if t not in before and "AnyIO" not in t.name]
    for thread in left:
        await anyio.to_thread.run_sync(thread.join, 5)
    assert not [thread for thread in left if thread.is_alive()]
    assert await asyncio.to_thread(lambda: "the loop's own threads work again")


async def test_a_stop_leaves_no_warning(database: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = Steps()
    steps.may_answer = anyio.Event()
    async with Jobs.open(database, steps, grace_s=0) as jobs:
        await jobs.analyse("rec", 0)
        await steps.asked.wait()
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "")


async def test_what_ended_long_ago_is_forgotten(database: Path) -> None:
    steps = Steps()
    async with Jobs.open(database, steps) as jobs:
        await jobs.analyse("rec", 0)
        await jobs.analyse("rec", 1)
        await jobs.idle()
    with closing(sqlite3.connect(database)) as rows, rows:
        rows.execute(
            "UPDATE workflow_status SET completed_at = completed_at - 8 * 86400000"
            " WHERE workflow_uuid = 'analyse:rec:0'"
        )
    async with Jobs.open(database, steps) as jobs:
        assert await jobs.analyse("rec", 0)
        assert not await jobs.analyse("rec", 1)
        await jobs.idle()


async def test_two_engines_in_one_process_are_refused(database: Path) -> None:
    async with Jobs.open(database, Steps()):
        with pytest.raises(ConfigError):
            async with Jobs.open(database.with_name("other.db"), Steps()):
                pass


async def test_a_file_that_is_no_database_is_named(database: Path) -> None:
    await anyio.Path(database.parent).mkdir()
    await anyio.Path(database).write_bytes(b"not a database" * 100)
    with pytest.raises(ConfigError, match=r"jobs\.db"):
        async with Jobs.open(database, Steps()):
            pass
    await anyio.Path(database).unlink()
    async with Jobs.open(database, Steps()) as jobs:
        await jobs.idle()
