"""What was heard, as lines."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from hostcue.cli.transcript import Form, OutputFile, Transcript
from hostcue.errors import BadRequest
from hostcue.model.comment import Gap
from hostcue.model.utterance import Correction, Utterance

SAID = (
    Utterance("a", "", 1_500, 3_250, "欢迎来到直播间。", "offline", language="zh"),
    Gap(61_000, "engine", 62_500),
    Utterance(
        "b",
        "",
        3_725_004,
        3_726_999,
        "德训鞋 39\n码。",
        "offline",
        flags=("repeat",),
        corrections=(Correction("得训鞋", "德训鞋"),),
    ),
)


def written(form: Form, *, origin_ms: float = 0, clock: bool = False) -> str:
    file = io.StringIO()
    transcript = Transcript(file, form, origin_ms=origin_ms, clock=clock)
    for said in SAID:
        transcript.write(said)
    return file.getvalue()


def test_lines_for_people_begin_with_their_moment() -> None:
    lines = written("text").splitlines()
    assert lines == ["[00:01] 欢迎来到直播间。", "[1:02:05] 德训鞋 39 码。"]


def test_subtitles_are_numbered_and_separated_by_the_only_blank_lines() -> None:
    assert written("srt") == (
        "1\n00:00:01,500 --> 00:00:03,250\n欢迎来到直播间。\n\n"
        "2\n01:02:05,004 --> 01:02:06,999\n德训鞋 39 码。\n\n"
    )


def test_objects_hold_what_is_known_of_a_sentence_and_where_nothing_was_heard() -> None:
    first, gap, last = (json.loads(line) for line in written("json").splitlines())
    assert first == {
        "start_s": 1.5,
        "end_s": 3.25,
        "text": "欢迎来到直播间。",
        "language": "zh",
        "emotion": "",
        "event": "",
        "confidence": None,
        "flags": [],
        "corrections": [],
    }
    assert gap == {"start_s": 61.0, "end_s": 62.5, "gap": "engine"}
    assert last["flags"] == ["repeat"]
    assert last["corrections"] == [{"heard": "得训鞋", "meant": "德训鞋"}]


def test_of_a_live_room_both_clocks_are_told() -> None:
    first = json.loads(written("json", origin_ms=1_000, clock=True).splitlines()[0])
    assert (first["start_s"], first["start_ts"], first["end_ts"]) == (0.5, 1_500, 3_250)


def test_what_a_file_held_goes_with_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "said.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt), OutputFile(path):
        raise KeyboardInterrupt
    assert path.read_text() == "old"
    with OutputFile(path) as file:
        file.write("new\n")
    assert path.read_text() == "new\n"
    with OutputFile(path):
        pass
    assert path.read_text() == ""


def test_no_file_is_left_where_none_was(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), OutputFile(tmp_path / "said.txt"):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["no/such/folder.txt", "."])
def test_a_file_that_cannot_be_written_is_named_with_a_remedy(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match="can't be written") as refused:
        OutputFile(tmp_path / name)
    assert refused.value.remedy
