"""Tips, and the frames they rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import cast

from sqlalchemy import Row, select
from sqlalchemy.dialects.sqlite import insert

from hostcue.errors import NotFound
from hostcue.model.analysis import Analysis
from hostcue.model.json_text import from_json, member, texts, to_json
from hostcue.model.tip import Evidence, Frame, FrameRef, Tip, TipDraft, TipSource, TipType
from hostcue.storage import tables
from hostcue.storage.analyses import set_analysis
from hostcue.storage.database import Database

_T = tables.tips
_MOST_OF_A_RUN = 5


class Tips:
    """Tables `tips` and `frames`."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def save(self, analysis: Analysis, tips: Sequence[Tip], **values: object) -> bool:
        """Store a run's tips, mark it done with `values`, announce `tips_ready`: in one commit.

        False, and nothing changed, when that run is done already.
        """
        key = (analysis.recording_id, analysis.seq, analysis.run)
        async with self._db.write() as tx:
            state = (
                await tx.connection.execute(
                    select(tables.analyses.c.state).where(
                        tables.analyses.c.recording_id == key[0],
                        tables.analyses.c.seq == key[1],
                        tables.analyses.c.run == key[2],
                    )
                )
            ).scalar()
            if state == "done":
                return False
            for place, tip in enumerate(tips):
                await tx.connection.execute(
                    _T.insert().values(
                        row_id=tx.next_id(), run=analysis.run, place=place, **_values(tip)
                    )
                )
            await set_analysis(tx, *key, {"state": "done", **values})
            await tx.announce(
                "recording",
                analysis.recording_id,
                "tips_ready",
                {
                    "recording_id": analysis.recording_id,
                    "seq": analysis.seq,
                    "run": analysis.run,
                    "room_id": tips[0].room_id,
                    "source": tips[0].source,
                    "tip_ids": [tip.id for tip in tips],
                },
            )
        return True

    async def latest(
        self,
        limit: int,
        *,
        room_id: str | None = None,
        recording_id: str | None = None,
        kind: TipType | None = None,
    ) -> list[Tip]:
        """The newest tips; of one run, in the order the writer gave them."""
        newest = select(_T).order_by(_T.c.row_id.desc()).limit(limit + _MOST_OF_A_RUN)
        if room_id is not None:
            newest = newest.where(_T.c.room_id == room_id)
        if recording_id is not None:
            newest = newest.where(_T.c.recording_id == recording_id)
        if kind is not None:
            newest = newest.where(_T.c.type == kind)
        table = newest.subquery()
        # a run's rows have consecutive ids: this is its first one's, whatever the clock said
        first = table.c.row_id - table.c.place
        query = select(table).order_by(first.desc(), table.c.place).limit(limit)
        async with self._db.read() as connection:
            return [_tip(row) for row in await connection.execute(query)]

    async def keep_frames(self, recording_id: str, seq: int, frames: Sequence[Frame]) -> None:
        """Keep frames that tips name; the same frame twice is one."""
        if not frames:
            return
        async with self._db.write() as tx:
            await tx.connection.execute(
                insert(tables.frames).on_conflict_do_nothing(),
                [
                    {
                        "id": frame.id,
                        "recording_id": recording_id,
                        "seq": seq,
                        "at_ts": frame.at_ms,
                        "width": frame.width,
                        "height": frame.height,
                        "jpeg": frame.jpeg,
                    }
                    for frame in frames
                ],
            )

    async def frame(self, frame_id: str) -> bytes:
        """The JPEG of a frame.

        Raises:
            NotFound: no tip named such a frame.
        """
        table = tables.frames
        async with self._db.read() as connection:
            jpeg = (
                await connection.execute(select(table.c.jpeg).where(table.c.id == frame_id))
            ).scalar()
        if jpeg is None:
            raise NotFound(f"there is no frame {frame_id}", field="id")
        return bytes(jpeg)

    async def frame_of_segment(self, recording_id: str, seq: int) -> bytes | None:
        """The JPEG of the first frame kept of a segment, if any."""
        table = tables.frames
        query = (
            select(table.c.jpeg)
            .where(table.c.recording_id == recording_id, table.c.seq == seq)
            .order_by(table.c.at_ts)
            .limit(1)
        )
        async with self._db.read() as connection:
            jpeg = (await connection.execute(query)).scalar()
        return None if jpeg is None else bytes(jpeg)


def _values(tip: Tip) -> dict[str, object]:
    return {
        "id": tip.id,
        "room_id": tip.room_id,
        "recording_id": tip.recording_id,
        "seq": tip.seq,
        "created_at": tip.created_ms,
        "text": tip.draft.text,
        "type": tip.draft.type,
        "tags": to_json(list(tip.draft.tags)),
        "score": tip.draft.score,
        "source": tip.source,
        "model": tip.model,
        "prompt_version": tip.prompt_version,
        "evidence": to_json(asdict(tip.draft.evidence)),
    }


def evidence_from(stored: object) -> Evidence:
    """Evidence as JSON holds it."""
    frames = member(stored, "frames")
    return Evidence(
        comments=texts(member(stored, "comments")),
        frames=tuple(
            FrameRef(str(member(item, "id")), int(str(member(item, "at_ms"))))
            for item in (frames if isinstance(frames, list) else ())
        ),
        speech=texts(member(stored, "speech")),
    )


def _tip(row: Row[tuple[object, ...]]) -> Tip:
    draft = TipDraft(
        text=row.text,
        type=cast("TipType", row.type),
        tags=texts(from_json(row.tags)),
        score=row.score,
        evidence=evidence_from(from_json(row.evidence)),
    )
    return Tip(
        id=row.id,
        room_id=row.room_id,
        recording_id=row.recording_id,
        seq=row.seq,
        created_ms=row.created_at,
        draft=draft,
        source=cast("TipSource", row.source),
        model=row.model,
        prompt_version=row.prompt_version,
    )
