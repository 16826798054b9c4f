from __future__ import annotations

from hostcue.recording.overlap import Overlap, mark_of

END_MS = 1_000_000


def test_a_first_connection_passes_nothing_over() -> None:
    assert not Overlap(None, "", picture=True).covers("a", 0.0, 5)


def test_what_lies_clearly_before_the_end_was_recorded() -> None:
    overlap = Overlap(END_MS, "last", picture=True)
    assert overlap.covers("new", 0.0, END_MS - 151)
    assert not overlap.covers("new", 1.0, END_MS + 849)


def test_near_the_end_the_content_tells() -> None:
    """Two connections' clocks differ a little over when the same picture was live."""
    for off_ms in (-149, -1, 0, 1, 149):
        overlap = Overlap(END_MS, "last", picture=True)
        assert overlap.covers("last", 0.0, END_MS + off_ms)
        assert not Overlap(END_MS, "last", picture=True).covers("new", 0.0, END_MS + off_ms)


def test_after_a_crash_the_content_is_unknown_and_nothing_is_recorded_twice() -> None:
    assert Overlap(END_MS, "", picture=True).covers("new", 0.0, END_MS - 41)
    assert not Overlap(END_MS, "", picture=True).covers("new", 0.0, END_MS - 39)


def test_a_still_picture_does_not_stop_the_recording_for_ever() -> None:
    assert not Overlap(END_MS, "still", picture=True).covers("still", 0.0, END_MS + 150)


def test_sound_alone_goes_on_behind_the_last_packet_that_was_recorded() -> None:
    overlap = Overlap(END_MS, "c", picture=False)
    walls = {"a": -60, "b": -40, "c": -20, "d": -1, "e": 20}
    covered = {mark: overlap.covers(mark, 0.0, END_MS + off) for mark, off in walls.items()}
    assert covered == {"a": True, "b": True, "c": True, "d": False, "e": False}


def test_a_greeting_longer_than_ten_seconds_is_no_repetition() -> None:
    overlap = Overlap(END_MS, "last", picture=True)
    assert overlap.covers("old", 0.0, 0)
    assert not overlap.covers("old", 10.1, 10_100)


def test_a_mark_tells_contents_apart_and_stays_the_same() -> None:
    assert mark_of(b"picture") == mark_of(b"picture") == "7.16db4f89"
    assert mark_of(b"picture") != mark_of(b"pictura")
