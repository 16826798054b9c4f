"""Still images of a closed segment."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from hostcue.analysis.frames import extract_frames
from hostcue.errors import MediaUnsupported, NotFound
from hostcue.model.tip import Frame
from hostcue.model.window import Window

Picture = NDArray[np.uint8]
FilmMaker = Callable[..., Path]

START_MS = 1_700_000_000_000


def window(seconds: float) -> Window:
    return Window(START_MS, START_MS + round(seconds * 1000))


def chequered(brightness: int = 255, *, width: int = 320, height: int = 180) -> Picture:
    rows, columns = np.indices((height, width))
    tiles = ((rows // 8 + columns // 8) % 2 * brightness).astype(np.uint8)
    return np.repeat(tiles[:, :, None], 3, axis=2)


def plain(brightness: int, *, width: int = 320, height: int = 180) -> Picture:
    return np.full((height, width, 3), brightness, dtype=np.uint8)


def shades(count: int) -> Iterator[Picture]:
    """Pictures that tell their place: from dark to bright."""
    return (plain(40 + 200 * n // count) for n in range(count))


def mean(frame: Frame) -> float:
    with av.open(io.BytesIO(frame.jpeg), "r") as jpeg:
        return float(next(jpeg.decode(video=0)).to_ndarray(format="gray").mean())


def test_a_frame_every_ten_seconds_from_4_to_24(make_film: FilmMaker) -> None:
    film = make_film(shades(100))
    assert len(extract_frames(film, window(50), prefix="r")) == 5
    assert len(extract_frames(film, window(10), prefix="r")) == 4
    assert len(extract_frames(film, window(300), prefix="r")) == 10, "no more than key frames"


def test_no_more_than_24_frames(make_film: FilmMaker) -> None:
    frames = extract_frames(make_film(shades(120), gop=2), window(300), prefix="r")
    assert len(frames) == 24


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".flv", ".mkv"])
def test_frames_come_in_order_from_every_part_of_any_container(
    make_film: FilmMaker, suffix: str
) -> None:
    film = make_film(shades(100), suffix=suffix)
    frames = extract_frames(film, window(10), prefix="rec-7")
    assert [frame.id for frame in frames] == ["rec-7-0", "rec-7-1", "rec-7-2", "rec-7-3"]
    for n, frame in enumerate(frames):
        assert START_MS + n * 2500 - 200 <= frame.at_ms <= START_MS + (n + 1) * 2500 + 200
    assert all(a.at_ms < b.at_ms and mean(a) < mean(b) for a, b in pairwise(frames))


def test_times_are_those_of_the_window_where_the_media_is_shorter(make_film: FilmMaker) -> None:
    frames = extract_frames(make_film(shades(100)), window(20), prefix="r")
    assert all(frame.at_ms in window(20) for frame in frames)
    assert frames[-1].at_ms > START_MS + 15_000


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1280, 720), (854, 480)), ((720, 1280), (480, 854)), ((320, 180), (320, 180))],
    ids=["landscape", "portrait", "small"],
)
def test_the_short_side_is_at_most_480(
    make_film: FilmMaker, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    width, height = size
    film = make_film(chequered(width=width, height=height) for _ in range(4))
    for frame in extract_frames(film, window(2), prefix="r"):
        with av.open(io.BytesIO(frame.jpeg), "r") as jpeg:
            picture = next(jpeg.decode(video=0))
        assert (picture.width, picture.height) == (frame.width, frame.height) == expected


def test_the_sharper_key_frame_is_taken(make_film: FilmMaker) -> None:
    pictures = [plain(200) if n % 10 < 5 else chequered() for n in range(40)]
    frames = extract_frames(make_film(pictures, gop=2), window(4), prefix="r")
    assert [100 < mean(frame) < 150 for frame in frames] == [True] * 4


def test_a_black_frame_loses_to_any_other(make_film: FilmMaker) -> None:
    pictures = [chequered(20) if n % 10 < 5 else plain(90) for n in range(40)]
    frames = extract_frames(make_film(pictures, gop=2), window(4), prefix="r")
    assert [80 < mean(frame) < 100 for frame in frames] == [True] * 4


def test_an_all_black_film_still_gives_frames(make_film: FilmMaker) -> None:
    assert len(extract_frames(make_film([plain(0)] * 40), window(4), prefix="r")) == 4


def test_a_short_film_with_one_key_frame_is_decoded_whole(make_film: FilmMaker) -> None:
    frames = extract_frames(make_film(shades(20), gop=250), window(2), prefix="r")
    assert len(frames) == 4
    assert all(mean(a) < mean(b) for a, b in pairwise(frames))


def test_sound_alone_gives_no_frames(make_film: FilmMaker) -> None:
    assert extract_frames(make_film(suffix=".m4a"), window(1), prefix="r") == []


def test_a_film_cut_off_in_the_middle_gives_its_first_half(make_film: FilmMaker) -> None:
    film = make_film(
        (chequered(100 + n) for n in range(100)),
        options={"movflags": "frag_keyframe+empty_moov"},
    )
    film.write_bytes(film.read_bytes()[: film.stat().st_size // 2])
    assert len(extract_frames(film, window(10), prefix="r")) >= 2


@pytest.mark.parametrize("suffix", [".mp4", ".ts", ".flv"])
def test_damage_anywhere_is_no_other_error_than_ours(make_film: FilmMaker, suffix: str) -> None:
    film = make_film((chequered(100 + n) for n in range(30)), suffix=suffix, gop=5)
    whole = film.read_bytes()
    for seed in range(15):
        chance = random.Random(seed)  # noqa: S311 - damage, not secrets
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 10, 200))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        film.write_bytes(damaged[: chance.choice((len(damaged), len(damaged) // 3, 40))])
        try:
            frames = extract_frames(film, window(3), prefix="r")
        except MediaUnsupported:
            continue
        assert all(frame.jpeg.startswith(b"\xff\xd8") for frame in frames)


def test_a_missing_file_is_named_so(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        extract_frames(tmp_path / "gone.mp4", window(10), prefix="r")


def test_a_playlist_in_a_segments_place_is_not_followed(tmp_path: Path) -> None:
    playlist = tmp_path / "a.mp4"
    playlist.write_text("#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(MediaUnsupported):
        extract_frames(playlist, window(10), prefix="r")


def test_an_empty_window_is_survived(make_film: FilmMaker) -> None:
    frames = extract_frames(make_film(shades(20)), window(0), prefix="r")
    assert {frame.at_ms for frame in frames} <= {START_MS}
