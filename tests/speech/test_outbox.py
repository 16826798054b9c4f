from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest

from hostcue.errors import StorageFailed
from hostcue.model.speech import Heard, Level, SpeechEvent
from hostcue.model.utterance import Utterance
from hostcue.speech.outbox import Outbox


def said(number: int) -> Utterance:
    return Utterance(str(number), "", 1000 * number, 1000 * number + 500, "好")


class Store:
    """Takes events, or fails as it is told."""

    def __init__(self) -> None:
        self.taken: list[SpeechEvent] = []
        self.tried = 0
        self.failures = 0
        self.stumbles_at = ""
        self.open = anyio.Event()
        self.open.set()

    async def take(self, event: SpeechEvent) -> None:
        await self.open.wait()
        self.tried += 1
        if self.failures:
            self.failures -= 1
            raise StorageFailed("the disk is busy")
        if isinstance(event, Utterance) and event.id == self.stumbles_at:
            raise ValueError("an error of ours")
        self.taken.append(event)


@asynccontextmanager
async def running(store: Store, *, most: int = 3) -> AsyncIterator[Outbox]:
    box = Outbox(store.take, most=most, retry_s=(0, 0), on_taken=lambda: None)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(box.run)
        with anyio.fail_after(10):
            yield box
        tasks.cancel_scope.cancel()


async def test_what_a_store_fails_to_take_is_given_to_it_again_in_order() -> None:
    store = Store()
    store.failures = 3
    async with running(store) as box:
        for number in range(3):
            box.put(said(number))
        await box.drain()
    assert store.taken == [said(0), said(1), said(2)]
    assert store.tried == 6


async def test_while_something_waits_levels_are_left_out_and_words_are_not() -> None:
    store = Store()
    store.open = anyio.Event()
    async with running(store) as box:
        for event in (said(0), Level(5, 0.1, True), said(1), Heard(0, 9)):
            box.put(event)
        assert box.full
        assert box.owes(1)
        assert not box.owes(0)
        store.open.set()
        await box.drain()
        assert not box.owes(9999)
        box.put(Level(6, 0.1, True))
        await box.drain()
    assert store.taken == [said(0), said(1), Heard(0, 9), Level(6, 0.1, True)]


async def test_a_level_is_not_tried_again() -> None:
    store = Store()
    store.failures = 1
    async with running(store) as box:
        box.put(Level(5, 0.1, True))
        await box.drain()
        box.put(said(0))
        await box.drain()
    assert store.taken == [said(0)]


@pytest.mark.parametrize(("failures", "lost"), [(0, 0), (1, 2)], ids=["taken", "refused"])
async def test_last_words_are_tried_once(failures: int, lost: int) -> None:
    store = Store()
    store.failures = failures
    box = Outbox(store.take, most=3, retry_s=(0, 0), on_taken=lambda: None)
    box.put(said(0))
    box.put(said(1))
    assert await box.last_words(5) == lost
    assert len(store.taken) == 2 - lost


async def test_last_words_do_not_wait_for_a_store_that_hangs() -> None:
    store = Store()
    store.open = anyio.Event()
    box = Outbox(store.take, most=3, retry_s=(0, 0), on_taken=lambda: None)
    box.put(said(0))
    with anyio.fail_after(10):
        assert await box.last_words(0.01) == 1


async def test_what_an_error_of_ours_keeps_from_being_taken_stops_nothing_else() -> None:
    store = Store()
    store.stumbles_at = "1"
    async with running(store) as box:
        for number in range(3):
            box.put(said(number))
        await box.drain()
    assert store.taken == [said(0), said(2)]


async def test_who_may_not_wait_for_ever_is_told_why_nothing_is_taken() -> None:
    store = Store()
    store.failures = 10**9
    box = Outbox(store.take, most=3, retry_s=(0, 0), on_taken=lambda: None, patience_s=0.05)
    box.put(said(0))
    with anyio.fail_after(60), pytest.raises(StorageFailed):
        await box.run()
