"""What goes wrong while rooms are listened to reaches nobody else, and passes."""

from __future__ import annotations

import sys
from pathlib import Path

import anyio
import pytest
from listening_house import INFO, START_MS, ListeningHouse, open_listening
from tone_speech import CHARACTERS

from hostcue.errors import Conflict, SpeechMissing
from hostcue.model.recording import SegmentOpened
from hostcue.model.sound import SoundPlace
from hostcue.pipeline.live_audio import SpeechSessionStatus
from hostcue.pipeline.live_audio_supply import Supply
from hostcue.pipeline.speech_notices import speech_notices

FIRST, SECOND = f"{CHARACTERS[:4]}。", f"{CHARACTERS[4:8]}。"


async def product(house: ListeningHouse, room_id: str, title: str) -> None:
    await house.rows.outbox.announce("comments", room_id, "product", {"title": title})


async def until_place(house: ListeningHouse, name: str) -> SoundPlace:
    with anyio.fail_after(30):
        while not (place := (house.places[name] or [None])[-1]):
            await anyio.lowlevel.checkpoint()
    return place


async def test_names_of_products_that_nobody_can_read_harm_no_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pypinyin", None)
    async with open_listening(tmp_path) as house:
        await product(house, "1", "夏季纯棉短袖")
        place = await house.record("a")
        await house.say(place, FIRST)
        await house.until(lambda: house.texts("1") == [FIRST])
        await product(house, "1", "真丝连衣裙")  # whoever stores it is not told of this
        await house.say(place, SECOND)
        await house.until(lambda: house.texts("1") == [FIRST, SECOND])


async def test_a_segment_is_heard_once_there_is_a_recogniser_again(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.lacks = SpeechMissing("somebody took it away")
        house.audio.closed(await house.segment("a", FIRST))
        with anyio.fail_after(30):
            while not house.looks:
                await anyio.lowlevel.checkpoint()
        house.lacks = None
        await house.until(lambda: house.texts("1") == [FIRST])


async def started(house: ListeningHouse, link: str, found: list[object]) -> None:
    try:
        found.append((await house.audio.start(link=link))[0])
    except Exception as exc:  # noqa: BLE001 - the test looks at it
        found.append(exc)


async def test_who_starts_what_another_one_stops_meanwhile_is_told_so(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.never_connects = True
        house.live("a")
        found: list[object] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(started, house, "a", found)
            await anyio.wait_all_tasks_blocked()
            assert len(house.lines) == 1
            await house.audio.stop()
        (error,) = found
        assert isinstance(error, Conflict)
        assert house.audio.health().sessions == 0


async def test_a_recording_that_begins_while_a_connection_is_made_brings_the_sound(
    tmp_path: Path,
) -> None:
    async with open_listening(tmp_path) as house:
        house.never_connects = True
        house.live("a")
        found: list[object] = []
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(started, house, "a", found)
            await anyio.wait_all_tasks_blocked()
            await house.record("a")
        (status,) = found
        assert isinstance(status, SpeechSessionStatus)
        assert status.mode == "recording"
        place = await until_place(house, "rec-a")
        await house.say(place, FIRST)
        await house.until(lambda: house.texts("1") == [FIRST])


async def test_a_session_that_is_stopped_makes_no_connection_any_more(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.live("a")
        await house.audio.start(link="a")
        await house.record("a")
        await until_place(house, "rec-a")
        house.resolves = anyio.Event()
        house.leave("a")  # from now on over a connection of its own
        await anyio.wait_all_tasks_blocked()
        await house.audio.stop()
        house.resolves.set()
        await anyio.wait_all_tasks_blocked()
        assert len(house.lines) == 1


async def test_a_recording_that_is_back_is_the_only_connection(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.live("a")
        await house.audio.start(link="a")
        await house.record("a")
        await until_place(house, "rec-a")
        house.resolves = anyio.Event()
        house.leave("a")
        await anyio.wait_all_tasks_blocked()
        await house.record("a")
        house.resolves.set()
        await anyio.wait_all_tasks_blocked()
        assert len(house.lines) == 1
        assert house.audio.status().mode == "recording"


async def test_sound_that_a_stream_has_later_is_listened_to(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        await house.record("a", sound=False)
        await anyio.wait_all_tasks_blocked()
        assert house.places["rec-a"][-1] is None
        room = house.live("a").room
        house.audio.recorded.opened("rec-a", room, SegmentOpened(1, "", START_MS, INFO))
        place = await until_place(house, "rec-a")
        await house.say(place, FIRST)
        await house.until(lambda: house.texts("1") == [FIRST])


async def test_a_failure_is_told_until_somebody_starts_it_again(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.fails = True
        place = await house.record("a")
        await house.say(place, FIRST)
        await house.until(lambda: ("failed", "internal_error") in house.states())
        assert [notice.code for notice in speech_notices(house.audio)] == ["speech_failed"]
        house.fails = False
        await house.audio.start(recording_id="rec-a")
        assert speech_notices(house.audio) == []


async def test_an_error_of_ours_in_one_room_ends_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("an error of ours")

    async with open_listening(tmp_path) as house:
        place = await house.record("b", room_id="2")
        await house.record("a")
        with monkeypatch.context() as patch:
            patch.setattr(house.utterances, "state", broken)
            await house.audio.start(recording_id="rec-a")
            await house.audio.stop(house.audio.status().session_id)
        await house.say(place, FIRST)
        await house.until(lambda: house.texts("2") == [FIRST])


async def test_the_next_broadcast_s_products_are_known_too(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        await product(house, "2", f"{CHARACTERS[:4]}")
        await house.record("a")
        moved = house.live("a", "2").room
        house.audio.recorded.opened("rec-a", moved, SegmentOpened(1, "", START_MS, INFO))
        with anyio.fail_after(30):
            while house.audio.words("2") != (CHARACTERS[:4],):
                await anyio.lowlevel.checkpoint()
            house.leave("a")
            while house.audio.words("2"):  # nobody listens to it any more
                await anyio.lowlevel.checkpoint()


async def test_however_often_they_are_offered_each_recording_has_one_session(
    tmp_path: Path,
) -> None:
    async with open_listening(tmp_path, ready=False) as house:
        for number, name in enumerate("abc"):
            await house.record(name, room_id=str(number))
        house.supply = Supply("tones", True, True, True)
        await house.audio.look()
        async with anyio.create_task_group() as tasks:
            for _ in range(3):
                tasks.start_soon(house.audio.recorded.offer)
        assert [len(places) for places in house.places.values()] == [1, 1, 1]
        assert house.audio.health().sessions == 3


async def test_a_recording_that_is_over_before_its_turn_takes_no_place(tmp_path: Path) -> None:
    async with open_listening(tmp_path, ready=False) as house:
        await house.record("a")
        await house.record("b", room_id="2")
        house.supply = Supply("tones", True, True, True)
        await house.audio.look()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(house.audio.recorded.offer)
            while not house.audio.health().sessions:
                await anyio.lowlevel.checkpoint()
            house.leave("b")
        assert house.places["rec-b"] == []
        assert house.audio.health().sessions == 1
