"""Bodies of `/api/recording/disk`, `/pin` and `/cleanup`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field

from hostcue.model.retention import DeletedBy, KeepRules, KeptBecause, Selection, StoredFile
from hostcue.pipeline.disk import DiskStatus, DiskWord
from hostcue.web.contract.common import Answer, Body, Id, example

_LISTED = 1000


class DiskLines(Answer):
    """Free bytes: recording pauses below `stop` and goes on above `resume`.

    Below `warn` space is low; below `clean` old recordings are deleted, null: never.
    """

    warn: int
    clean: int | None
    stop: int
    resume: int


class KeepRulesBody(Answer):
    """What may be deleted, the oldest first; null: nothing because of this."""

    days: float | None
    bytes: int | None
    free_bytes: int | None


class DiskBody(Answer):
    """The disk of the recordings."""

    model_config = example(
        state="low",
        reason="",
        since=1764000000000,
        free_bytes=32212254720,
        total_bytes=512110190592,
        free_files=31200000,
        bytes_per_hour=4500000000,
        hours_left=3.6,
        answers=True,
        lines={
            "warn": 53687091200,
            "clean": 21474836480,
            "stop": 5368709120,
            "resume": 10737418240,
        },
        keep={"days": 30, "bytes": 1099511627776, "free_bytes": 21474836480},
        reclaimable={"age": 8589934592},
        data_free_bytes=21474836480,
    )
    state: DiskWord
    reason: Literal["", "no_space", "no_files", "write_failed"] = Field(
        description="Why recording is paused; empty when it is not"
    )
    since: int
    free_bytes: int
    total_bytes: int
    free_files: int | None = Field(description="Null where the disk sets no limit")
    bytes_per_hour: int = Field(description="Of the running rooms; of one room when none runs")
    hours_left: float = Field(description="Until recording pauses, at this pace")
    answers: bool = Field(description="False: the disk does not answer, the figures are old")
    lines: DiskLines
    keep: KeepRulesBody
    reclaimable: dict[DeletedBy, int] = Field(
        description="Bytes that a cleanup would free now, by rule"
    )
    data_free_bytes: int = Field(description="On the disk of the database")

    @classmethod
    def of(cls, status: DiskStatus, rules: KeepRules, reclaimable: Mapping[DeletedBy, int]) -> Self:
        """From the flow."""
        space, lines = status.space, status.lines
        return cls.model_validate(
            {
                "state": status.state,
                "reason": status.reason,
                "since": status.since_ms,
                "free_bytes": space.free_bytes,
                "total_bytes": space.total_bytes,
                "free_files": space.free_files,
                "bytes_per_hour": status.bytes_per_hour,
                "hours_left": round(status.hours_left, 1),
                "answers": not status.silent,
                "lines": DiskLines(
                    warn=lines.warn.free_bytes,
                    clean=rules.free_bytes,
                    stop=lines.stop.free_bytes,
                    resume=lines.resume.free_bytes,
                ),
                "keep": KeepRulesBody(
                    days=rules.days, bytes=rules.size_bytes, free_bytes=rules.free_bytes
                ),
                "reclaimable": reclaimable,
                "data_free_bytes": status.data.free_bytes,
            }
        )


class PinBody(Body):
    """Whether a recording is kept whatever the rules say."""

    model_config = example(recording_id="3f9a1c0b77de", pinned=True)
    recording_id: Id
    pinned: bool


class CleanupBody(Body):
    """What to do."""

    model_config = example(dry_run=True, force=False)
    dry_run: bool = Field(False, description="Only say what would be deleted")
    force: bool = Field(False, description="Also when it is more than half of everything")


class DeletedFile(Answer):
    """A segment whose file is deleted; its row, lines and comments stay."""

    recording_id: str
    seq: int
    path: str
    start_ts: int
    end_ts: int
    bytes: int
    rule: DeletedBy

    @classmethod
    def of(cls, file: StoredFile, rule: DeletedBy) -> Self:
        """From the model."""
        return cls(
            recording_id=file.recording_id,
            seq=file.seq,
            path=file.path,
            start_ts=file.start_ms,
            end_ts=file.end_ms,
            bytes=file.bytes,
            rule=rule,
        )


class CleanupAnswer(Answer):
    """What was deleted, or would be."""

    model_config = example(
        dry_run=True,
        needs_force=False,
        segments=1,
        bytes=104857600,
        stored_bytes=8589934592,
        files=[
            {
                "recording_id": "3f9a1c0b77de",
                "seq": 12,
                "path": "records/douyin/小满的鞋铺/2026-10-24/小满的鞋铺_20261024_203000_012.mp4",
                "start_ts": 1761300000000,
                "end_ts": 1761300300000,
                "bytes": 104857600,
                "rule": "age",
            }
        ],
        kept={"pinned": 3},
        keep={"days": 30, "bytes": 1099511627776, "free_bytes": 21474836480},
    )
    dry_run: bool
    needs_force: bool = Field(description="It is more than half of everything")
    segments: int
    bytes: int
    stored_bytes: int = Field(description="Of all recordings, before")
    files: list[DeletedFile] = Field(description=f"The first {_LISTED}, oldest first")
    kept: dict[KeptBecause, int] = Field(
        description="How many more the rules asked for, by what protects them"
    )
    keep: KeepRulesBody

    @classmethod
    def of(cls, selection: Selection, rules: KeepRules, *, dry_run: bool) -> Self:
        """From the flow."""
        return cls(
            dry_run=dry_run,
            needs_force=dry_run and selection.excessive,
            segments=len(selection.chosen),
            bytes=selection.bytes,
            stored_bytes=selection.stored_bytes,
            files=[DeletedFile.of(file, rule) for file, rule in selection.chosen[:_LISTED]],
            kept=dict(selection.kept),
            keep=KeepRulesBody(
                days=rules.days, bytes=rules.size_bytes, free_bytes=rules.free_bytes
            ),
        )
