"""`hostcue transcribe`: exact words from files of every form, and from a live room."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest
from anyio.streams.text import TextReceiveStream
from said_file import write_broadcast, write_picture, write_sound
from tone_speech import ToneFiles, build_tone_model, say

from hostcue.cli.transcribe import Wishes, run_transcribe
from hostcue.config import Settings
from hostcue.errors import HostcueError, known_cause
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import make_clip

FIRST, SECOND = "欢迎来到直播间", "今天只要八十九块"
APART = " " * 5  # what is said so much later is another sentence
SOUND = say(FIRST + APART + SECOND, lead_s=0.5, tail_s=0.5)
SECOND_AT_S = 0.5 + 0.24 * len(FIRST) + 5 * 0.8

Run = Callable[..., int]


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> ToneFiles:
    return build_tone_model(tmp_path_factory.mktemp("tones"))


@pytest.fixture
def run(tones: ToneFiles, tmp_path: Path) -> Run:
    settings = Settings.only({"HOSTCUE_DATA_DIR": str(tmp_path / "data")})

    def transcribe(what: Path | str, **wishes: object) -> int:
        return run_transcribe(settings, str(what), Wishes(model=str(tones.folder), **wishes))  # type: ignore[arg-type] # shorthand

    return transcribe


def write(path: Path) -> Path:
    return (write_broadcast if path.suffix in {".flv", ".mp4"} else write_sound)(path, SOUND)


@pytest.mark.parametrize("name", ["a.mp4", "a.flv", "a.wav", "a.mp3", "a.ts"])
def test_every_word_of_a_file_is_written_with_its_moment(
    run: Run, tmp_path: Path, name: str
) -> None:
    output = tmp_path / "said.txt"
    assert run(write(tmp_path / name), output=output) == 0
    assert output.read_text("utf-8").splitlines() == [f"[00:00] {FIRST}", f"[00:06] {SECOND}"]


def test_subtitles_say_when_within_a_tenth_of_a_second(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "said.srt"
    assert run(write(tmp_path / "a.wav"), form="srt", output=output) == 0
    number, span, text, blank, *_ = output.read_text("utf-8").split("\n")
    assert (number, text, blank) == ("1", FIRST, "")
    begin, _, end = span.partition(" --> ")
    assert begin.startswith("00:00:00,")
    assert end.startswith("00:00:02,")


def test_objects_name_language_and_corrections(run: Run, tmp_path: Path) -> None:
    output = tmp_path / "said.jsonl"
    wished: dict[str, object] = {"form": "json", "language": "yue", "hot_words": ("十九快",)}
    assert run(write(tmp_path / "a.wav"), output=output, **wished) == 0
    first, second = (json.loads(line) for line in output.read_text("utf-8").splitlines())
    assert (first["text"], second["text"]) == (FIRST, SECOND.replace("十九块", "十九快"))
    assert second["corrections"] == [{"heard": "十九块", "meant": "十九快"}]
    assert first["language"] == "yue"
    assert first["confidence"] is None
    assert second["start_s"] == pytest.approx(SECOND_AT_S, abs=0.12)


@pytest.mark.parametrize("kind", ["folder", "nothing", "text", "damaged", "silent film"])
def test_what_cannot_be_heard_is_an_error_that_says_why(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    path = {"folder": tmp_path / "a.mp4", "nothing": tmp_path / "no.wav"}.get(
        kind, tmp_path / "a.flv"
    )
    if kind == "folder":
        path.mkdir()
    elif kind == "text":
        path.write_text("this is no media\n" * 100)
    elif kind == "damaged":
        path.write_bytes(write(tmp_path / "b.mp4").read_bytes()[:3000])
    elif kind == "silent film":
        write_picture(path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises((HostcueError, BaseExceptionGroup)) as raised:
        run(path, output=tmp_path / "said.txt")
    assert known_cause(raised.value) is not None
    assert capsys.readouterr().out == ""
    assert sorted(tmp_path.iterdir()) == before


def test_the_sound_itself_is_never_written_over(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav")
    before = path.read_bytes()
    with pytest.raises(HostcueError, match="listened to"):
        run(path, output=tmp_path / "." / "a.wav")
    assert path.read_bytes() == before


async def printed_into(tones: ToneFiles, folder: Path, file: int) -> tuple[int, str]:
    """The exit code, and what was said beside it."""
    command = [sys.executable, "-m", "hostcue", "transcribe", str(write(folder / "a.wav"))]
    done = await anyio.run_process(
        [*command, "--model", str(tones.folder)], cwd=folder, stdout=file, check=False
    )
    return done.returncode, done.stderr.decode()


async def test_who_reads_may_have_enough(tones: ToneFiles, tmp_path: Path) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    try:
        assert await printed_into(tones, tmp_path, writes) == (0, "")
    finally:
        os.close(writes)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is full")
async def test_a_full_disk_is_told_in_two_lines(tones: ToneFiles, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:  # noqa: ASYNC230, PTH123 - a device
        code, told = await printed_into(tones, tmp_path, full.fileno())
    first, second = told.splitlines()
    assert code == 1
    assert first.startswith("hostcue: what was heard can't be written:")
    assert "--output" in second


def test_without_the_model_it_says_how_to_get_it(tmp_path: Path) -> None:
    settings = Settings.only({"HOSTCUE_DATA_DIR": str(tmp_path / "data")})
    path = write_sound(tmp_path / "a.wav", say("大"))
    with pytest.raises(HostcueError) as raised:
        run_transcribe(settings, str(path), Wishes())
    assert raised.value.code == "speech_missing"
    assert "models pull" in str(raised.value.remedy)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
async def test_a_room_is_printed_as_it_talks_until_ctrl_c(tones: ToneFiles, tmp_path: Path) -> None:
    clip = make_clip(seconds=4, width=96, height=160, fps=5, sound=say(FIRST), sound_hz=16_000)
    async with LiveFlv.open(clip) as flv:
        command = [sys.executable, "-m", "hostcue", "transcribe", flv.url]
        async with await anyio.open_process(
            [*command, "--model", str(tones.folder), "--format", "json"],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "HOSTCUE_DATA_DIR": str(tmp_path / "data"),
                "HOSTCUE_ALLOW_PRIVATE_URLS": "true",
            },
        ) as process:
            assert process.stdout is not None
            said, asked = "", False
            with anyio.fail_after(60):
                async for text in TextReceiveStream(process.stdout):
                    said += text
                    if FIRST in said and not asked:
                        process.send_signal(signal.SIGINT)
                        asked = True
                await process.wait()
    lines = [json.loads(line) for line in said.splitlines()]
    assert all(FIRST.endswith(line["text"]) for line in lines[:1])  # it may join within a word
    whole = next(line for line in lines if line["text"] == FIRST)
    length_ms = whole["end_ts"] - whole["start_ts"]
    assert length_ms == pytest.approx(240 * len(FIRST) - 120, abs=120)
    assert process.returncode == 0
    assert not (tmp_path / "data").exists()
