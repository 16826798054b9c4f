"""Scenarios: files of commands with their times, and the rooms that play them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from douyin_hand import messages_until, watch

from hostcue.sim.commands import Commands
from hostcue.sim.douyin import DouyinFace
from hostcue.sim.media import Clip, make_clip
from hostcue.sim.room import PretendRoom
from hostcue.sim.scenario import Scenario, Step


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(seconds=4, width=96, height=160)


def no_clip() -> Clip:
    raise AssertionError("no scenario here switches the picture")


def test_a_file_has_times_commands_and_a_seed() -> None:
    text = "# a title\nseed 11\n\n0 comments.burst n=3\n0.5  end  # at last\n"
    found = Scenario.parse(text)
    assert found == Scenario((Step(0, "comments.burst n=3", 4), Step(0.5, "end", 5)), 11)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("soon end", "line 1: could not convert"),
        ("1 end\n0 end", "line 2: earlier than the line before"),
        ("-1 end", "line 1: earlier"),
        ("\n5", "line 2: a time without a command"),
        ("seed x", "line 1: invalid literal"),
    ],
)
def test_a_line_that_is_none_is_named(text: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        Scenario.parse(text)


async def test_what_no_room_knows_is_said_before_anything_is_done(clip: Clip) -> None:
    with anyio.fail_after(30):
        async with PretendRoom.open(clip=clip, with_model=False) as room:
            commands = Commands([room], [], no_clip)
            Scenario.read("rough_evening").check(commands)
            for line in ("comments.explode", "comments.send_raw frame=x", "end room=1"):
                with pytest.raises(ValueError, match="line 2: "):
                    Scenario.parse(f"0 end\n1 {line}").check(commands)
            assert room.douyin.said == []


async def test_all_of_the_rough_evening_can_be_done(
    clip: Clip, capfd: pytest.CaptureFixture[str]
) -> None:
    steps = Scenario.read("rough_evening").steps
    at_once = Scenario(tuple(Step(0, step.command, step.line) for step in steps))
    with anyio.fail_after(30):
        async with PretendRoom.open(clip=clip, with_model=False) as room:
            await at_once.play(Commands([room], [], no_clip))
            assert not room.douyin._broadcast.is_live
            assert len(room.douyin.said) >= 303
    assert capfd.readouterr().err == ""


async def test_a_step_that_goes_wrong_is_said_and_the_next_is_done(
    clip: Clip, capfd: pytest.CaptureFixture[str]
) -> None:
    scenario = Scenario.parse("0 comments.burst n=much\n0 comments.burst n=2")
    with anyio.fail_after(30):
        async with PretendRoom.open(clip=clip, with_model=False) as room:
            room.douyin.quiet()
            before = len(room.douyin.said)
            await scenario.play(Commands([room], [], no_clip))
            assert len(room.douyin.said) == before + 2
    assert capfd.readouterr().err.startswith('line 1: {"ok": false')


async def test_a_process_plays_a_scenario_over_several_rooms(tmp_path: Path) -> None:
    path = tmp_path / "two rooms.txt"
    path.write_text("0 comments.quiet room=1\n0 comments.say text=二号房开播 room=1\n", "utf-8")
    picture = ["--seconds", "4", "--width", "96", "--height", "160"]
    told = ["--scenario", str(path), "--comment-rooms", "2", "--rooms", "3", *picture]
    with anyio.fail_after(40):
        async with await anyio.open_process(
            [sys.executable, "-W", "error", "-m", "hostcue.sim", *told], stderr=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            lines = BufferedByteReceiveStream(process.stdout)
            facts = json.loads(await lines.receive_until(b"\n", 20_000))
            links = [room["link"] for room in facts["rooms"]]
            process.terminate()
            await process.wait()
    assert links[:2] == [f"https://live.douyin.com/{facts['live_id']}{n}" for n in ("", "1")]
    assert links[2].startswith("http://127.0.0.1:")


def test_a_scenario_that_is_none_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "wrong.txt"
    path.write_text("0\n", "utf-8")
    with pytest.raises(FileNotFoundError, match=r"nowhere\.txt"):
        Scenario.read("nowhere.txt")
    done = subprocess.run(
        [sys.executable, "-m", "hostcue.sim", "--scenario", str(path)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "line 1: a time without a command" in done.stderr


async def test_rooms_of_one_seed_have_the_same_audience() -> None:
    async def first_words(seed: int) -> list[str]:
        async with DouyinFace.open(
            flv_url="http://127.0.0.1:9/x.flv", pace=1000, seed=seed, stats_s=60
        ) as face:
            async with watch(face) as client:
                await messages_until(client, lambda: len(face.said) >= 20)
            return [text for _, text, _ in face.said[:20]]

    with anyio.fail_after(30):
        one, same, other = [await first_words(seed) for seed in (5, 5, 6)]
    assert one == same != other
