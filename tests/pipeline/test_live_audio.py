"""Which rooms are listened to, by themselves and when asked, and what becomes of what is said."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest
from listening_house import START_MS, ListeningHouse, open_listening
from tone_speech import say

from hostcue.errors import (
    BadRequest,
    Conflict,
    LimitReached,
    NotFound,
    SpeechMissing,
    TransportFailed,
)
from hostcue.model.recording import StateChanged
from hostcue.model.sound import SoundPlace
from hostcue.model.speech import Heard
from hostcue.model.utterance import Utterance
from hostcue.model.window import Window
from hostcue.pipeline.live_audio_supply import Supply
from hostcue.pipeline.speech_notices import speech_notices
from hostcue.speech.presets import plan_of

FIRST, SECOND = "欢迎来到直播间。", "今天给家人上福利。"


async def ended(house: ListeningHouse, session_id: str) -> tuple[str, str]:
    await house.until(lambda: house.audio.status(session_id).state in {"stopped", "failed"})
    status = house.audio.status(session_id)
    return status.state, status.reason


async def test_a_recording_is_listened_to_by_itself_from_broadcast_to_broadcast(
    tmp_path: Path,
) -> None:
    async with open_listening(tmp_path) as house:
        place = await house.record("a", room_id="1")
        assert house.audio.every() == []  # nothing was heard of it so far
        await house.say(place, FIRST)
        await house.until(lambda: house.texts("1") == [FIRST])
        (status,) = house.audio.every()
        assert (status.mode, status.recording_id, status.model) == ("recording", "rec-a", "tones")
        assert status.tally.utterances == 1
        assert await house.record("a", room_id="2") == place  # over the same connection
        await house.say(place, SECOND)
        await house.until(lambda: house.texts("2") == [SECOND])
        house.leave("a")
        assert await ended(house, status.session_id) == ("stopped", "recording_over")
        assert house.states()[-2:] == [("listening", ""), ("stopped", "recording_over")]
        end_ms = round(house.doorway.ends_ms[place])
        one = await house.rows.spans.within("1", Window(0, 2 * START_MS))
        two = await house.rows.spans.within("2", Window(0, 2 * START_MS))
        assert (one[0].start_ms, two[-1].end_ms) == (START_MS, end_ms)
        assert len(one) == len(two) == 1
        assert one[0].end_ms == two[0].start_ms


async def test_no_more_rooms_are_listened_to_than_may_be(tmp_path: Path) -> None:
    async with open_listening(tmp_path, most=1) as house:
        await house.record("a")
        await house.record("b", room_id="2")
        assert house.places["rec-b"] == []
        (notice,) = speech_notices(house.audio)
        assert (notice.code, "host-b" in notice.message) == ("speech_limit", True)
        with pytest.raises(LimitReached, match="1 rooms"):
            await house.audio.start(recording_id="rec-b")
        house.live("c", "3")
        with pytest.raises(LimitReached):
            await house.audio.start(link="c")
        house.leave("a")
        with anyio.fail_after(10):
            while not house.places["rec-b"]:  # its turn has come
                await anyio.lowlevel.checkpoint()
        assert speech_notices(house.audio) == []


async def test_switched_off_nobody_listens_and_asking_names_the_setting(tmp_path: Path) -> None:
    async with open_listening(tmp_path, off=True) as house:
        await house.record("a")
        assert house.places["rec-a"] == []
        with pytest.raises(Conflict) as caught:
            await house.audio.start(recording_id="rec-a")
        assert caught.value.field == "HOSTCUE_SPEECH"
        assert (house.audio.health().state, house.audio.health().ready) == ("off", False)
        assert speech_notices(house.audio) == []


async def test_a_model_that_comes_later_is_used_from_then_on(tmp_path: Path) -> None:
    async with open_listening(tmp_path, ready=False) as house:
        await house.record("a")
        assert house.places["rec-a"] == []
        with pytest.raises(SpeechMissing):
            await house.audio.start(recording_id="rec-a")
        health = house.audio.health()
        assert (health.state, health.error) == ("missing", "speech_missing")
        assert [notice.code for notice in speech_notices(house.audio)] == ["speech_missing"]
        house.supply = Supply("tones", True, True, True)
        status, already = await house.audio.start(recording_id="rec-a")
        assert (status.state, already) == ("starting", False)
        assert house.places["rec-a"]
        assert house.audio.health().ready


async def test_a_second_start_is_the_same_session_by_its_plan(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        await house.record("a")
        one, already = await house.audio.start(recording_id="rec-a")
        assert already
        stable, already = await house.audio.start(link="a", plan=plan_of("stable"))
        assert (stable.session_id, already) == (one.session_id, True)
        assert (one.plan.profile, stable.plan.profile) == ("fast", "stable")
        same, _ = await house.audio.start(link="a")
        assert same.plan.profile == "stable"
        with pytest.raises(BadRequest):
            await house.audio.start()
        with pytest.raises(NotFound):
            await house.audio.start(recording_id="rec-b")
        assert house.lines == []


async def test_what_somebody_stopped_stays_stopped_until_somebody_starts_it(
    tmp_path: Path,
) -> None:
    async with open_listening(tmp_path) as house:
        place = await house.record("a")
        await house.say(place, FIRST[:-1])
        (status,) = house.audio.every()
        stopped = await house.audio.stop()
        assert (stopped.state, stopped.reason) == ("stopped", "stopped")
        assert house.texts("1") == [FIRST[:-1]]
        with anyio.fail_after(10):
            while house.places["rec-a"] != [place, None]:
                await anyio.lowlevel.checkpoint()
        await house.record("a")
        assert house.places["rec-a"] == [place, None]
        again, already = await house.audio.start(recording_id="rec-a")
        assert again.session_id != status.session_id
        assert not already
        assert len(house.places["rec-a"]) == 3
        assert house.audio.status().session_id == again.session_id
        assert (await house.audio.stop(status.session_id)).state == "stopped"  # as it is already
        with pytest.raises(NotFound):
            await house.audio.stop("other")


async def test_a_room_has_one_connection_whoever_comes_and_goes(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.live("a")
        status, already = await house.audio.start(link="a")
        assert (status.mode, already) == ("room", False)
        (line,) = house.lines
        place = line.more["place"]
        assert isinstance(place, SoundPlace)
        await house.say(place, FIRST)
        await house.record("a")
        with anyio.fail_after(10):
            while house.places["rec-a"] != [place]:
                await anyio.lowlevel.checkpoint()
        assert line.stopped.is_set()
        assert house.audio.status().session_id == status.session_id
        assert house.audio.status().mode == "recording"
        house.leave("a")
        with anyio.fail_after(10):
            while len(house.lines) < 2:
                await anyio.lowlevel.checkpoint()
        assert house.lines[1].more["place"] == place
        await house.say(place, SECOND)
        await house.until(lambda: house.texts("1") == [FIRST, SECOND])
        assert len(house.audio.every()) == 1
        house.lines[1].stopped.set()  # as when the broadcast is over
        assert await ended(house, status.session_id) == ("stopped", "ended")


async def test_a_room_that_cannot_be_reached_leaves_no_session(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.live("a")
        house.refuses = TransportFailed("no connection")
        with pytest.raises(TransportFailed):
            await house.audio.start(link="a")
        assert house.audio.health().sessions == 0


async def test_a_lost_connection_is_told_until_sound_comes_again(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        place = await house.record("a")
        await house.say(place, FIRST)
        await house.until(lambda: ("listening", "") in house.states())
        house.audio.recorded.connection("rec-a", StateChanged("reconnecting", "eof", 1))
        await house.until(lambda: house.states()[-1] == ("reconnecting", "eof"))
        await house.say(place, SECOND)
        await house.until(lambda: house.states()[-1] == ("listening", ""))
        await house.until(lambda: house.texts("1") == [FIRST, SECOND])


async def test_a_stream_without_sound_is_passed_over(tmp_path: Path) -> None:
    async with open_listening(tmp_path, most=1) as house:
        await house.record("a", sound=False)
        assert house.audio.every() == []
        with pytest.raises(Conflict, match="no sound"):
            await house.audio.start(recording_id="rec-a")
        await house.record("b", room_id="2")
        assert house.places["rec-b"]


async def test_what_fails_here_does_not_reach_the_recording(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        house.doorway.broken = True
        await house.record("a")
        house.audio.recorded.leave("unknown", server_stops=False)
        assert house.places["rec-a"] == []
        assert house.audio.health().sessions == 0


async def test_a_stop_of_the_server_keeps_the_last_sentence(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        place = await house.record("a")
        await house.say(place, FIRST)
        await house.until(lambda: house.texts("1") == [FIRST])
        await house.say(place, SECOND[:-1])
        house.leave("a", server_stops=True)
    assert house.texts("1") == [FIRST, SECOND[:-1]]
    assert house.states()[-1] == ("stopped", "server_stopped")


async def test_of_a_segment_only_what_nobody_heard_is_read_from_its_file(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        segment = await house.segment("a", FIRST + " " * 3 + SECOND)
        begin_ms = round(START_MS + 1000 * len(say(FIRST + " ", tail_s=0)) / 16_000)
        live = Utterance("l", "1", START_MS + 300, begin_ms - 900, FIRST, source="live")
        await house.utterances.take("1", "live", [live], [Heard(START_MS, begin_ms)])
        house.audio.closed(segment)
        await house.until(lambda: house.texts("1") == [FIRST, SECOND])
        await house.until_spans("1", [Heard(START_MS, segment.window.end_ms)])
        texts = await house.utterances.between("1", 0, 2 * START_MS)
        assert [(one.text, one.source) for one in texts] == [(FIRST, "live"), (SECOND, "offline")]
        assert await house.audio.transcribe_segment("rec-a", 0) == {"unheard_s": 0, "waiting": 0}
        with pytest.raises(NotFound):
            await house.audio.transcribe_segment("rec-a", 7)


async def test_what_was_heard_live_is_not_read_from_the_file_again(tmp_path: Path) -> None:
    async with open_listening(tmp_path) as house:
        place = await house.record("a")
        segment = await house.segment("a", FIRST)
        await house.say(place, FIRST)
        await house.doorway.bring(place, say(" ", lead_s=0, tail_s=0))  # it goes on
        house.audio.closed(segment)
        await house.until(lambda: house.texts("1") == [FIRST])
        with anyio.fail_after(60):
            await house.audio.settled("1", segment.window.end_ms)
        heard = await house.rows.spans.within("1", segment.window)
        assert heard == [Heard(START_MS, segment.window.end_ms)]
        assert await house.audio.transcribe_segment("rec-a", 0) == {"unheard_s": 0, "waiting": 0}
        assert house.lines == []
