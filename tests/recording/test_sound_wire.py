"""Between a worker and the server: whatever comes, it is sound or it is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.sound import Sound
from hostcue.recording.sound_wire import (
    BlockReader,
    WireBroken,
    block,
    greeting,
    parse_greeting,
)

sounds = st.builds(
    Sound,
    st.floats(-1e15, 1e15),
    st.binary(max_size=200).filter(lambda pcm: len(pcm) % 2 == 0),
    st.floats(0, 1e9),
    st.booleans(),
)


@given(st.lists(sounds, max_size=8), st.integers(1, 60))
def test_blocks_arrive_as_they_were_sent_however_they_are_cut(
    sent: list[Sound], piece: int
) -> None:
    data = b"".join(block(number, sound) for number, sound in enumerate(sent))
    reader = BlockReader()
    found = [b for at in range(0, len(data), piece) for b in reader.feed(data[at : at + piece])]
    assert found == list(enumerate(sent))


@given(st.binary(max_size=400))
def test_any_bytes_are_blocks_or_are_refused(data: bytes) -> None:
    try:
        for _, sound in BlockReader().feed(data):
            assert len(sound.pcm) % 2 == 0
    except WireBroken:
        pass


@given(st.binary(max_size=100))
def test_any_bytes_are_a_greeting_or_are_refused(text: bytes) -> None:
    try:
        token, line = parse_greeting(text)
    except WireBroken:
        return
    assert greeting(token, line) == text + b"\n"


@pytest.mark.parametrize(
    "sound",
    [
        Sound(float("nan"), b""),
        Sound(float("inf"), b""),
        Sound(0.0, b"", -1.0),
        Sound(0.0, b"odd"),
        Sound(0.0, bytes(70_000)),
    ],
    ids=["no-time", "no-end", "negative", "half-a-sample", "too-long"],
)
def test_what_is_no_sound_is_refused(sound: Sound) -> None:
    with pytest.raises(WireBroken):
        list(BlockReader().feed(block(0, sound)))
