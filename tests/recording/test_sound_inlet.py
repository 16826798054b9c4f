"""The door for sound lets in whom it knows, and lets nobody spoil it for the others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketStream
from sound_house import Heard, listening

from hostcue.model.sound import Sound, SoundPlace
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.recording.sound_wire import TAKEN, block, greeting

ONE = Sound(1000.0, b"\1\0" * 1600)
TWO = Sound(1100.0, b"\2\0" * 1600)


@pytest.fixture
async def inlet() -> AsyncIterator[SoundInlet]:
    async with SoundInlet.open() as inlet:
        yield inlet


@asynccontextmanager
async def line_to(place: SoundPlace, *, name: str = "a") -> AsyncIterator[SocketStream]:
    async with await anyio.connect_tcp("127.0.0.1", place.port) as line:
        await line.send(greeting(place.token, name))
        with anyio.fail_after(10):
            yield line


async def sent_away(line: SocketStream) -> bool:
    """Waits for the other side to hang up."""
    try:
        with anyio.fail_after(10):
            await line.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError):
        return True
    return False


async def test_each_block_is_taken_and_answered(inlet: SoundInlet) -> None:
    async with listening(inlet) as heard, line_to(heard.place) as line:
        await line.send(block(0, ONE) + block(1, TWO))
        answered = b""
        while len(answered) < 2:
            answered += await line.receive()
        assert heard.sounds == [ONE, TWO]
        assert answered == 2 * TAKEN


async def test_who_does_not_know_the_token_is_sent_away(inlet: SoundInlet) -> None:
    async with listening(inlet) as heard:
        async with line_to(SoundPlace(heard.place.port, "f" * 32)) as line:
            assert await sent_away(line)
        assert heard.sounds == []


async def test_who_says_nothing_is_sent_away() -> None:
    async with (
        SoundInlet.open(greeting_s=0.05) as inlet,
        listening(inlet) as heard,
        await anyio.connect_tcp("127.0.0.1", heard.place.port) as line,
    ):
        assert await sent_away(line)


@pytest.mark.parametrize(
    "nonsense",
    [b"\xff" * 200, b"GET / HTTP/1.1\r\n\r\n", b"one two three\n"],
    ids=["bytes", "http", "words"],
)
async def test_who_greets_in_another_way_is_sent_away(inlet: SoundInlet, nonsense: bytes) -> None:
    async with (
        listening(inlet) as heard,
        await anyio.connect_tcp("127.0.0.1", heard.place.port) as line,
    ):
        await line.send(nonsense)
        assert await sent_away(line)


async def test_what_makes_no_sense_ends_that_connection_alone(inlet: SoundInlet) -> None:
    async with listening(inlet) as one, listening(inlet) as two:
        async with line_to(two.place) as good:
            async with line_to(one.place) as bad:
                await bad.send(block(0, ONE) + b"\xff" * 64)
                await one.until(lambda: one.sounds == [ONE])
                while not await sent_away(bad):
                    pass
            await good.send(block(0, TWO))
            await two.until(lambda: two.sounds == [TWO])
        async with line_to(one.place, name="b") as again:
            await again.send(block(0, TWO))
            await one.until(lambda: one.sounds == [ONE, TWO])


async def test_what_was_taken_before_a_line_broke_is_not_taken_again(inlet: SoundInlet) -> None:
    async with listening(inlet) as heard:
        async with line_to(heard.place) as line:
            await line.send(block(0, ONE))
            assert await line.receive() == TAKEN
        async with line_to(heard.place) as line:
            await line.send(block(0, ONE) + block(1, TWO))
            await heard.until(lambda: heard.sounds == [ONE, TWO])


async def test_who_takes_slowly_lets_the_sender_wait(inlet: SoundInlet) -> None:
    async with listening(inlet, closed=True) as heard, line_to(heard.place) as line:
        await line.send(block(0, ONE))
        with anyio.move_on_after(0.05) as waited:
            await line.receive()
        assert waited.cancelled_caught
        heard.gate.set()
        assert await line.receive() == TAKEN


async def test_nothing_is_taken_for_a_place_that_is_gone(inlet: SoundInlet) -> None:
    async with listening(inlet) as heard:
        place = heard.place
        line = await anyio.connect_tcp("127.0.0.1", place.port)
        await line.send(greeting(place.token, "a") + block(0, ONE))
        await heard.until(lambda: heard.sounds == [ONE])
    async with line:
        while not await sent_away(line):
            pass
    async with line_to(place) as late:
        assert await sent_away(late)
    assert heard.sounds == [ONE]


async def test_a_taker_that_fails_harms_no_other(inlet: SoundInlet) -> None:
    async def fail(_: Sound) -> None:
        raise RuntimeError("a mistake")

    async with inlet.expect(fail) as place, listening(inlet) as heard:
        async with line_to(place) as line:
            await line.send(block(0, ONE))
            assert await sent_away(line)
        async with line_to(heard.place) as line:
            await line.send(block(0, TWO))
            await heard.until(lambda: heard.sounds == [TWO])


def test_a_token_is_not_shown() -> None:
    assert "hidden" not in repr(Heard(SoundPlace(1, "hidden")))
