"""What of a window's speech an analysis reads, and how much of it was heard."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import anyio
import pytest

from hostcue.analysis.templates import TemplateWriter
from hostcue.comments.digest import digest
from hostcue.model.clock import now_ms
from hostcue.model.recording import Recording, RecordingPlan
from hostcue.model.room import Room
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.speech import Heard
from hostcue.model.tip import Answer, EvidencePack
from hostcue.model.utterance import Utterance
from hostcue.model.window import Window
from hostcue.pipeline.analysis import SegmentAnalysis, Stations, Stores
from hostcue.pipeline.digests import Digests
from hostcue.storage.database import Database
from hostcue.storage.vault import Vault
from hostcue.wiring.stores import stores_of


class Reader:
    """Keeps what it is given, and writes from templates."""

    def __init__(self) -> None:
        self.packs: list[EvidencePack] = []

    async def write(self, pack: EvidencePack) -> Answer:
        self.packs.append(pack)
        return await TemplateWriter().write(pack)


def analysis_of(
    stores: Stores,
    reader: Reader,
    settled: Callable[[str, int], Awaitable[None]],
    *,
    listens: bool,
) -> SegmentAnalysis:
    stations = Stations(
        digests=Digests(stores.comments, stores.gaps, partial(digest, intents=None)),
        frames=lambda *_: [],
        settled=settled,
        listens=lambda _: listens,
    )
    return SegmentAnalysis(stores, stations, model=reader, templates=reader, wait_s=0.05)


async def add_segment(stores: Stores) -> Window:
    end_ms = now_ms()
    window = Window(end_ms - 10_000, end_ms)
    room = Room("own", "a", "r", "http://127.0.0.1/a", "host")
    plan = RecordingPlan("http://127.0.0.1/a")
    recording = Recording("rec", plan, room, "", 0, "recording", "", 0)
    await stores.recordings.add(recording, "OD")
    file = ClosedFile(0, "/a.mp4", window, 10_000, 1, "h264", "aac", 96, 160, 10)
    await stores.segments.add(Segment("rec", "r", "host", "own", file, end_ms))
    return window


@pytest.mark.parametrize(
    ("source", "heard_ms", "listens", "coverage"),
    [
        ("live", 7_500, True, 0.75),
        ("live", 10_000, False, 1.0),
        ("live", 0, True, 0.0),
        ("sent", 0, False, None),
    ],
    ids=["part", "all", "none_of_it", "sent"],
)
async def test_the_share_of_a_window_that_was_heard_is_kept_with_its_analysis(
    tmp_path: Path, source: str, heard_ms: int, listens: bool, coverage: float | None
) -> None:
    async def settled(room_id: str, until_ms: int) -> None:
        """Nothing is on its way."""

    async with Database.open(f"sqlite:///{tmp_path / 'hostcue.db'}") as database:
        stores, reader = stores_of(database, Vault.at(tmp_path / "key")), Reader()
        window = await add_segment(stores)
        start = window.start_ms
        said = Utterance("u", "r", start + 100, start + 900, "这双鞋今天九十九", source=source)  # type: ignore[arg-type] # one of two
        await stores.utterances.add([said])
        await stores.speech_spans.add("r", "live", [Heard(start - 500, start + heard_ms)])
        steps = analysis_of(stores, reader, settled, listens=listens)
        await steps.save("rec", 0, 0, await steps.ask("rec", 0, 0))
        stored = await stores.analyses.get("rec", 0)
        (pack,) = reader.packs
    assert [line.text for line in pack.speech.lines] == ["这双鞋今天九十九"]
    assert stored is not None
    assert (pack.speech.coverage, stored.speech_coverage) == (coverage, coverage)
    assert stored.state == "done"


async def test_what_is_late_is_not_waited_for(tmp_path: Path) -> None:
    async def settled(room_id: str, until_ms: int) -> None:
        await anyio.sleep_forever()

    async with Database.open(f"sqlite:///{tmp_path / 'hostcue.db'}") as database:
        stores, reader = stores_of(database, Vault.at(tmp_path / "key")), Reader()
        await add_segment(stores)
        steps = analysis_of(stores, reader, settled, listens=True)
        with anyio.fail_after(60):
            await steps.ask("rec", 0, 0)
    assert reader.packs[0].speech.coverage == 0.0
