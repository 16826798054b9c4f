"""What a session tells, under the broadcast that it belongs to."""

from __future__ import annotations

from pathlib import Path

from hostcue.model.comment import Gap
from hostcue.model.event import Event
from hostcue.model.speech import Heard, Level, Partial
from hostcue.model.utterance import Utterance
from hostcue.model.window import Window
from hostcue.pipeline.speech_log import SpeechLog
from hostcue.storage.database import Database
from hostcue.storage.speech_spans import SpeechSpans
from hostcue.storage.utterances import Utterances


async def test_what_was_said_before_another_broadcast_stays_with_the_one_before(
    tmp_path: Path,
) -> None:
    heard: list[Event] = []
    async with Database.open(f"sqlite:///{tmp_path / 'hostcue.db'}") as database:
        database.on_commit(heard.extend)
        log = SpeechLog("s", "one", Utterances(database), heard.extend)
        log.moved("one", 10)
        log.moved("two", 1000)
        assert log.room_id == "two"
        assert log.belongs_to("one")
        await log.take(Utterance("b", "", 1000, 1500, "二"))
        await log.take(Utterance("a", "", 999, 1100, "一"))
        await log.take(Gap(500, "overload", 700))
        await log.take(Heard(0, 3000))
        await log.take(Partial(1600, 1700, "三"))
        await log.take(Level(2000, 0.123456789, True))
        spans = SpeechSpans(database)
        assert await spans.within("one", Window(0, 9000)) == [Heard(0, 1100)]
        assert await spans.within("two", Window(0, 9000)) == [Heard(1000, 3000)]
    assert [(event.type, event.subject, event.id is None) for event in heard] == [
        ("final", "two", False),
        ("final", "one", False),
        ("gap", "one", False),
        ("partial", "two", True),
        ("level", "two", True),
    ]
    assert heard[3].data == {
        "session_id": "s",
        "room_id": "two",
        "start_ts": 1600,
        "end_ts": 1700,
        "text": "三",
    }
    assert heard[4].data == {
        "session_id": "s",
        "room_id": "two",
        "ts": 2000,
        "rms": 0.12346,
        "speaking": True,
    }
