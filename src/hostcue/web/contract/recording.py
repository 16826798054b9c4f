"""What `/api/recording/*` answers."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from hostcue.model.comment import Gap
from hostcue.model.recording import RecordingState, SaveFormat
from hostcue.model.room import Quality
from hostcue.model.segment import Segment, SegmentStatus
from hostcue.pipeline.disk import DiskStatus
from hostcue.pipeline.overview import RecordingStatus
from hostcue.web.contract.common import Answer, example
from hostcue.web.contract.start import ShowtimeBody


class GapBody(Answer):
    """A span without media or comments; `end_ts` is null while it lasts."""

    model_config = example(start_ts=1764000012345, end_ts=1764000052345, cause="stalled")
    start_ts: int
    end_ts: int | None
    cause: str

    @classmethod
    def of(cls, gap: Gap) -> Self:
        """From the model."""
        return cls(start_ts=gap.start_ms, end_ts=gap.end_ms, cause=gap.cause)


class RecordingStatusBody(Answer):
    """One recording; media facts are null until the first media arrived in this run."""

    model_config = example(
        recording_id="3f9a1c0b77de",
        state="recording",
        reason="",
        since=1764000000000,
        platform="douyin",
        live_id="80017709309",
        room_id="7576912345678901234",
        live_url="https://live.douyin.com/80017709309",
        anchor_name="小满的鞋铺",
        title="秋冬新款上架",
        output="records/douyin/小满的鞋铺",
        segment_time=300,
        save_format="mp4",
        quality="HD",
        quality_wanted="OD",
        video_codec="h264",
        audio_codec="aac",
        width=720,
        height=1280,
        fps=30.0,
        bytes=104857600,
        bitrate=2800000,
        segments=4,
        gaps=[],
        gap_count=0,
        gap_ms=0,
        coverage=0.998,
        free_bytes=52428800000,
        hours_left=11.4,
        started_at=1763999000000,
        monitor=True,
        schedule=[{"days": ["fri", "sat"], "from": "19:30", "to": "01:00"}],
        next_check=1764000030000,
        aligned=False,
        pinned=False,
        has_cookie=False,
        has_proxy=False,
    )
    recording_id: str
    state: RecordingState
    reason: str
    since: int
    platform: str
    live_id: str
    room_id: str
    live_url: str
    anchor_name: str
    title: str
    output: str
    segment_time: int
    save_format: SaveFormat
    quality: Quality = Field(description="The quality really got")
    quality_wanted: Quality
    video_codec: str | None
    audio_codec: str | None
    width: int | None
    height: int | None
    fps: float | None
    bytes: int = Field(description="On disk, the open segment included")
    bitrate: int | None = Field(description="Bits per second of the open segment")
    segments: int
    gaps: list[GapBody] = Field(description="The newest 100, the oldest of them first")
    gap_count: int
    gap_ms: int = Field(description="Of all gaps, one that lasts until now")
    coverage: float = Field(description="Share of what was broadcast that is on disk, 0..1")
    free_bytes: int | None = Field(description="Null while the disk never answered")
    hours_left: float | None = Field(
        description="Until all recordings pause for lack of space, at their present pace"
    )
    started_at: int
    monitor: bool
    schedule: list[ShowtimeBody]
    next_check: int | None = Field(
        description="When it is looked next whether a monitored room is live"
    )
    aligned: bool
    pinned: bool = Field(description="Never deleted to make room")
    has_cookie: bool
    has_proxy: bool

    @classmethod
    def of(cls, status: RecordingStatus, disk: DiskStatus | None) -> Self:
        """From the flow."""
        recording, info, progress = status.recording, status.info, status.progress
        plan, room = recording.plan, recording.room
        rate = None
        if progress is not None and progress.duration_ms > 0:
            rate = progress.bytes * 8000 // progress.duration_ms
        return cls(
            recording_id=recording.id,
            state=recording.state,
            reason=recording.reason,
            since=recording.since_ms,
            platform=room.platform,
            live_id=room.live_id,
            room_id=room.room_id,
            live_url=room.url,
            anchor_name=room.anchor_name,
            title=room.title,
            output=recording.output,
            segment_time=plan.segment_s,
            save_format=plan.save_format,
            quality=status.quality_got,
            quality_wanted=plan.quality,
            video_codec=info.video_codec if info else None,
            audio_codec=info.audio_codec if info else None,
            width=info.width if info else None,
            height=info.height if info else None,
            fps=info.fps if info else None,
            bytes=status.totals.bytes + (progress.bytes if progress else 0),
            bitrate=rate,
            segments=status.totals.segments,
            gaps=[GapBody.of(gap) for gap in status.gaps],
            gap_count=status.gap_count,
            gap_ms=status.gap_ms,
            coverage=round(status.coverage, 4),
            free_bytes=disk.space.free_bytes if disk else None,
            hours_left=round(disk.hours_left, 1) if disk else None,
            started_at=recording.started_ms,
            monitor=plan.monitor,
            schedule=[ShowtimeBody.of(showtime) for showtime in plan.schedule],
            next_check=status.next_check_ms,
            aligned=plan.aligned,
            pinned=recording.pinned,
            has_cookie=bool(plan.access.cookie),
            has_proxy=bool(plan.access.proxy),
        )


class SegmentBody(Answer):
    """One row of the segment index."""

    model_config = example(
        recording_id="3f9a1c0b77de",
        seq=12,
        path="records/douyin/小满的鞋铺/2026-11-24/小满的鞋铺_20261124_203000_012.mp4",
        start_ts=1764000000000,
        end_ts=1764000300000,
        room_id="7576912345678901234",
        anchor_name="小满的鞋铺",
        platform_key="douyin",
        created_at=1764000300040,
        duration_ms=300000,
        bytes=104857600,
        video_codec="h264",
        audio_codec="aac",
        width=720,
        height=1280,
        fps=30.0,
        status="ready",
        gap_before_ms=640,
        gap_before_cause="reset",
    )
    recording_id: str
    seq: int
    path: str
    start_ts: int
    end_ts: int
    room_id: str
    anchor_name: str
    platform_key: str
    created_at: int
    duration_ms: int
    bytes: int
    video_codec: str
    audio_codec: str
    width: int
    height: int
    fps: float
    status: SegmentStatus
    gap_before_ms: int = Field(description="What is missing between the segment before and this")
    gap_before_cause: str | None

    @classmethod
    def of(cls, segment: Segment, gap: Gap | None) -> Self:
        """From the index, with the gap before it."""
        file = segment.file
        return cls(
            recording_id=segment.recording_id,
            seq=file.seq,
            path=file.path,
            start_ts=file.window.start_ms,
            end_ts=file.window.end_ms,
            room_id=segment.room_id,
            anchor_name=segment.anchor_name,
            platform_key=segment.platform,
            created_at=segment.created_ms,
            duration_ms=file.duration_ms,
            bytes=file.bytes,
            video_codec=file.video_codec,
            audio_codec=file.audio_codec,
            width=file.width,
            height=file.height,
            fps=file.fps,
            status=file.status,
            gap_before_ms=0 if gap is None else (gap.end_ms or gap.start_ms) - gap.start_ms,
            gap_before_cause=gap.cause if gap else None,
        )
