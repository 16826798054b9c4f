"""What was said, which spans were heard, and the events that tell of both."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import StorageFailed
from hostcue.model.comment import Gap
from hostcue.model.event import Event
from hostcue.model.speech import Heard, SpeechStateChanged, SpeechTally
from hostcue.model.utterance import Correction, Utterance
from hostcue.model.window import Window
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.outbox import Outbox
from hostcue.storage.speech_spans import SpeechSpans, joined, share_heard, unheard
from hostcue.storage.utterances import Utterances

SAID = Utterance(
    "s-1",
    "r",
    1000,
    2500,
    "这双鞋偏大半码。",
    source="live",
    language="zh",
    emotion="HAPPY",
    event="BGM",
    flags=("repeat",),
    corrections=(Correction("偏大板马", "偏大半码"),),
)


async def test_a_sentence_comes_back_as_it_was_heard(database: Database) -> None:
    store = Utterances(database)
    assert await store.take("r", "live", [SAID], [Heard(1000, 2500)], session_id="s") == 1
    assert await store.between("r", 0, 10_000) == [SAID]


async def test_a_sentence_and_its_event_are_one_commit_and_come_once(database: Database) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    store, outbox = Utterances(database), Outbox(database, Comments(database))
    for _ in range(2):
        await store.take("r", "live", [SAID], [Heard(1000, 2500)], session_id="s")
    (told,) = heard
    assert (told.stream, told.subject, told.type) == ("speech", "r", "final")
    assert told.data == {
        "session_id": "s",
        "room_id": "r",
        "id": "s-1",
        "start_ts": 1000,
        "end_ts": 2500,
        "text": "这双鞋偏大半码。",
        "language": "zh",
        "emotion": "HAPPY",
        "event": "BGM",
        "confidence": None,
        "flags": ["repeat"],
        "corrections": [{"heard": "偏大板马", "meant": "偏大半码"}],
        "source": "live",
    }
    assert await outbox.with_utterances_after("r", 0, 10) == [told]
    assert await outbox.with_utterances_after("other", 0, 10) == []


async def test_what_the_users_own_recogniser_sends_is_told_too(database: Database) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    assert await Utterances(database).add([Utterance("u", "r", 0, 1, "上链接")]) == 1
    assert [(event.type, event.data["source"]) for event in heard] == [("final", "sent")]
    assert await SpeechSpans(database).within("r", Window(0, 10)) == []


async def test_a_client_reads_sentences_gaps_and_states_in_the_order_they_came(
    database: Database,
) -> None:
    store, outbox = Utterances(database), Outbox(database, Comments(database))
    await store.state("r", "s", SpeechStateChanged("listening", "", 5), SpeechTally(10, 8))
    await store.add([Utterance("1", "r", 0, 1, "一")], session_id="s")
    await store.gap("r", "s", Gap(1000, "overload", 2500))
    await store.add([Utterance("2", "r", 0, 1, "二")], session_id="s")
    events = await outbox.with_utterances_after("r", 0, 10)
    assert [event.type for event in events] == ["state", "final", "gap", "final"]
    assert events[0].data == {
        "session_id": "s",
        "room_id": "r",
        "state": "listening",
        "reason": "",
        "coverage": 1.0,
        "lag_s": 0.0,
        "dropped_s": 0,
    }
    assert events[2].data == {
        "room_id": "r",
        "session_id": "s",
        "start_ts": 1000,
        "end_ts": 2500,
        "reason": "overload",
        "seconds": 1.5,
    }
    assert await outbox.with_utterances_after("r", events[1].id or 0, 10) == events[2:]
    assert await outbox.with_utterances_after(None, 0, 3) == events[:3]


async def test_speech_events_are_dropped_when_old_and_sentences_stay(database: Database) -> None:
    store, outbox = Utterances(database), Outbox(database, Comments(database))
    await store.gap("r", "s", Gap(0, "engine", 1))
    await store.add([SAID])
    last = outbox.last_id
    assert await outbox.can_resume("speech", 0)
    await outbox.prune(before_ms=2**60)
    assert not await outbox.can_resume("speech", 0)
    assert await outbox.can_resume("speech", last)
    assert await store.between("r", 0, 10_000) == [SAID]


async def test_ids_of_sentences_are_not_given_out_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hostcue.db'}"
    async with Database.open(url) as database:
        await Utterances(database).add([SAID])
        last = database.last_id
    async with Database.open(url) as database:
        assert database.last_id == last == 1


async def test_nothing_is_heard_of_a_sentence_that_could_not_be_stored(database: Database) -> None:
    async with database.write() as tx:
        await tx.connection.exec_driver_sql("DROP TABLE utterances")
    heard: list[Event] = []
    database.on_commit(heard.extend)
    with pytest.raises(StorageFailed):
        await Utterances(database).take("r", "live", [SAID], [Heard(1000, 2500)])
    assert heard == []
    assert await SpeechSpans(database).within("r", Window(0, 10_000)) == []


async def test_where_it_was_heard_live_what_a_file_gave_is_left_out(database: Database) -> None:
    store = Utterances(database)
    early = Utterance("o-1", "r", 0, 900, "一", source="offline")
    same = Utterance("o-2", "r", 1100, 2400, "二", source="offline")
    await store.take("r", "offline", [early, same], [Heard(0, 3000)])
    await store.take("r", "live", [SAID], [Heard(1000, 2500)])
    assert await store.between("r", 0, 10_000) == [early, SAID]
    assert await store.between("other", 0, 10_000) == []


async def test_spans_that_touch_are_one_row(database: Database) -> None:
    spans = SpeechSpans(database)
    for second in (3, 0, 1, 5):
        await spans.add("r", "live", [Heard(1000 * second, 1000 * second + 999)])
    await spans.add("r", "live", [Heard(2000, 2999), Heard(10_000, 10_001)])
    await spans.add("r", "offline", [Heard(4000, 5500)])
    rows = await database.fetch(
        "SELECT source, start_ts, end_ts FROM speech_spans ORDER BY 1,2", ()
    )
    assert rows == [
        ("live", 0, 3999),
        ("live", 5000, 5999),
        ("live", 10_000, 10_001),
        ("offline", 4000, 5500),
    ]
    assert await spans.within("r", Window(1000, 5200)) == [Heard(1000, 3999), Heard(4000, 5200)]


spans = st.lists(
    st.tuples(st.integers(0, 300), st.integers(0, 60)).map(lambda s: Heard(s[0], s[0] + s[1])),
    max_size=8,
)


@given(heard=spans, start=st.integers(0, 200), length=st.integers(0, 200), ts=st.integers(0, 400))
def test_each_moment_of_a_window_is_heard_or_in_a_hole(
    heard: list[Heard], start: int, length: int, ts: int
) -> None:
    window = Window(start, start + length)
    holes = unheard(heard, window, least_ms=1)
    is_heard = any(span.start_ms <= ts < span.end_ms for span in heard)
    assert any(ts in hole for hole in holes) == (ts in window and not is_heard)
    missing = sum(hole.end_ms - hole.start_ms for hole in holes)
    assert share_heard(heard, window) == pytest.approx(1 - missing / length if length else 1)
    assert unheard(heard, window, least_ms=10) == [
        hole for hole in holes if hole.end_ms - hole.start_ms >= 10
    ]


@given(heard=spans)
def test_joined_spans_hold_the_same_moments_and_do_not_touch(heard: list[Heard]) -> None:
    found = joined(heard)
    moments = {ts for span in heard for ts in range(span.start_ms, span.end_ms)}
    assert [ts for span in found for ts in range(span.start_ms, span.end_ms)] == sorted(moments)
    edges = [edge for span in found for edge in (span.start_ms, span.end_ms)]
    assert edges == sorted(set(edges))
