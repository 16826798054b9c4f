from __future__ import annotations

import re
import unicodedata
from pathlib import Path, PureWindowsPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.recording.naming import part_path, room_folder, safe_name, segment_path, unfinished


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("小美的店", "小美的店"),
        ("  小美. ", "小美"),
        ('a/b\\c:d|e?f*g<h>i"j', "a_b_c_d_e_f_g_h_i_j"),
        ("100%棉🧥", "100%棉🧥"),
        ("👩‍👧 家", "👩‍👧 家"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("..", "room"),
        ("", "room"),
        ("\x00\x1f\u202e\ud800", "room"),
        ("CON", "CON_"),
        ("nul.txt", "nul_.txt"),
        ("LPT1", "LPT1_"),
        ("console", "console"),
        ("e\u0301", "\u00e9"),
        ("店" * 100, "店" * 26),
    ],
)
def test_a_display_name_becomes_a_file_name(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text())
def test_any_name_is_good_on_every_file_system(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe.encode()) <= 81
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f]', safe)
    assert safe == safe.strip(" .")
    assert unicodedata.is_normalized("NFC", safe)
    assert not PureWindowsPath(safe).is_reserved()
    assert Path("/x", safe).parent == Path("/x")
    assert safe_name(safe) == safe


def test_a_file_is_named_after_its_own_start_in_local_time() -> None:
    start_ms = 1_795_562_399_500  # 2026-11-24 23:19:59.5 UTC
    path = segment_path(
        Path("/records/douyin/小美"), start_ms=start_ms, seq=7, ext="mp4", zone="Asia/Shanghai"
    )
    assert path == Path("/records/douyin/小美/2026-11-25/小美_20261125_071959_007.mp4")


def test_without_a_zone_the_system_says_what_local_time_is(tmp_path: Path) -> None:
    mine = segment_path(tmp_path, start_ms=0, seq=0, ext="ts", zone=None)
    assert mine.parent.parent == tmp_path
    assert mine.name.startswith(f"{tmp_path.name}_19")


def test_the_thousandth_segment_has_four_digits() -> None:
    path = segment_path(Path("/r/a"), start_ms=0, seq=1000, ext="mp4", zone="UTC")
    assert path.name == "a_19700101_000000_1000.mp4"


def test_a_second_room_of_the_same_name_gets_its_id(tmp_path: Path) -> None:
    first = room_folder(
        tmp_path, platform="douyin", anchor_name="小美", room_id="74", taken=lambda _: False
    )
    second = room_folder(
        tmp_path, platform="douyin", anchor_name="小美", room_id="75", taken=lambda p: p == first
    )
    assert first == tmp_path / "douyin" / "小美"
    assert second == tmp_path / "douyin" / "小美-75"


def test_open_segments_are_found_and_nothing_else(tmp_path: Path) -> None:
    part = part_path(tmp_path / "douyin" / "a", "re_c", 3, "mp4")
    part.parent.mkdir(parents=True)
    for path in (part, part.with_name("a_3.part"), part.with_name("x_003.jpg.part")):
        path.touch()
    assert list(unfinished(tmp_path)) == [part]
