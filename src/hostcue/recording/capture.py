"""The packets of one connection become segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from hostcue.model.recording import Progress
from hostcue.model.segment import SegmentStatus
from hostcue.recording.arrival import MediaClock
from hostcue.recording.cuts import CutRule
from hostcue.recording.intake import Held, Intake
from hostcue.recording.naming import part_path
from hostcue.recording.overlap import OVERLAP_MS, Overlap, mark_of
from hostcue.recording.protocol import CaptureJob, WorkerEvent
from hostcue.recording.segment import Segment
from hostcue.recording.segment_file import SegmentFile, Shape
from hostcue.recording.sound_tap import SoundTap
from hostcue.recording.source import MediaPacket, Source, SourceChanged
from hostcue.recording.wall_clock import WallClock

_EARLY_S = 0.05  # a picture's key frame that comes this much before the time is up cuts already


class Capture:
    """Cuts at key frames and loses nothing in between.

    Packets wait until the clock has settled, so that a window is right when it is announced; in
    steady state they pass at once. Not thread-safe: the worker holds a lock around each call.
    """

    def __init__(
        self,
        job: CaptureJob,
        source: Source,
        clock: MediaClock,
        emit: Callable[[WorkerEvent], None],
        wall: WallClock | None = None,
        tap: SoundTap | None = None,
    ) -> None:
        self._job = job
        self._clock = clock
        self._wall = wall or WallClock()
        self._emit = emit
        self._tap = tap or SoundTap()
        self._intake = Intake(job, source, clock)
        self._adopt(source)
        self._seq = job.first_seq
        self._segment: Segment | None = None
        picture = bool(source.info.video_codec)
        self._cuts = CutRule(job.segment_s, aligned=job.aligned, early_s=_EARLY_S * picture)
        recorded_to_ms = job.not_before_ms or 0
        if recorded_to_ms > self._wall.now_ms + OVERLAP_MS:
            recorded_to_ms = 0  # the machine's clock was set back meanwhile
        greets = recorded_to_ms if job.container != "file" else 0
        self._overlap = Overlap(greets or None, job.last_key, picture=picture)
        self._floor_ms = recorded_to_ms
        self._lead_s = self._step_s = 0.0
        self._end_ms: int | None = None
        self._cut_due = False
        self.last_key = job.last_key
        """The mark of the last key frame that was recorded."""
        self.pace = self._intake.pace

    def _adopt(self, source: Source) -> None:
        self._source = source
        self._lead = source.lead.index
        self._ticks = self._intake.ticks
        self._sound = None if source.sound is None else source.sound.index
        self._tap.follow(source.sound)
        self._headers = {s.index: s.codec_context.extradata for s in source.streams}
        self._shape: Shape | None = None

    def go_on(self, source: Source) -> None:
        """The stream goes on in another form, in a segment of its own.

        Where something was lost in between, its window begins when the clock says so; otherwise
        where the last one ended.

        Raises:
            DiskFull: see `end`.
        """
        self.end("truncated" if source.lost else "ready")
        self._intake.go_on(source)
        self._adopt(source)
        if source.lost:
            self._floor_ms, self._end_ms = self._end_ms or self._floor_ms, None

    def take(self, packet: MediaPacket, now_s: float) -> None:
        """A packet came in.

        Raises:
            DiskFull: it could not be written.
            SourceChanged: the stream can't go on in this connection.
        """
        if self._intake.waits:  # what came before a long silence goes by the clock it came by
            self.tick(now_s)
        self._intake.take(packet, now_s)
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Record what was held back, if the clock has settled."""
        if self._intake.settled(now_s):
            for held in self._intake.passed():
                self._record(held)
            if self._segment is not None:
                self._segment.refine()

    @property
    def recording(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    @property
    def last_piece(self) -> str:
        """The mark of the last piece that was taken of HLS."""
        return self._source.last_piece

    def progress(self) -> Progress | None:
        """How far the open segment is."""
        return None if self._segment is None else self._segment.progress()

    def end(self, status: SegmentStatus) -> None:
        """No more packets: record what is held back, then close and announce the segment.

        Raises:
            DiskFull: not all of it could be written; the segment was announced all the same.
        """
        try:
            for held in self._intake.rest():
                self._record(held)
        finally:
            self._close(status)

    def _record(self, held: Held) -> None:
        self._note_change(held.packet)
        if self._intake.is_key(held.packet):
            self._reach_key(held)
        if self._segment is None:
            return
        if held.packet.stream_index == self._lead:
            self._segment.reach(held.media_s + self._length_s(held))
        if held.packet.stream_index == self._sound and self._tap.listens:
            self._let_hear(held)
        self._segment.write(held.packet, held.shift_s)

    def _let_hear(self, held: Held) -> None:
        """Before it is written: the file takes the packet over."""
        packet = held.packet
        length_ms = (packet.duration or 0) * self._ticks[packet.stream_index] * 1000
        at_ms, media_ms = self._wall_ms(held.media_s), held.media_s * 1000
        self._tap.hear(bytes(packet), at_ms, length_ms, media_ms)

    def _reach_key(self, held: Held) -> None:
        """A point at which a segment can begin, and so the last one end."""
        mark, at_s = mark_of(bytes(held.packet)), held.media_s
        was_set, segment = self._wall.was_set(), self._segment
        if segment is not None and (
            self._cut_due or was_set or self._cuts.due(segment.length_s(at_s), self._wall_ms(at_s))
        ):
            self._close("ready", at_s)
        if was_set:
            self._wall.follow()
            self._end_ms, self._floor_ms = None, 0
        if self._segment is None and not self._overlap.covers(mark, at_s, self._wall_ms(at_s)):
            self._open(at_s)
        if self._segment is not None:
            self.last_key = mark

    def _length_s(self, held: Held) -> float:
        """How long a packet of the picture lasts: the pace of late, if it doesn't say."""
        if held.packet.duration:
            return held.packet.duration * self._ticks[self._lead]
        if self._lead_s < held.media_s:
            self._step_s = held.media_s - self._lead_s
        self._lead_s = held.media_s
        return self._step_s

    def _note_change(self, packet: MediaPacket) -> None:
        """A new header ends the segment at the next key frame."""
        index = packet.stream_index
        if index == self._lead and not self._intake.is_key(packet):
            return  # a picture can't begin in it
        if not packet.has_sidedata("new_extradata"):
            return
        header = bytes(packet.get_sidedata("new_extradata"))
        if header == self._headers[index]:
            return
        if index != self._lead or not self._source.info.video_codec:
            raise SourceChanged
        self._headers[index] = header
        self._shape = self._shape_of(packet, header)
        self._cut_due = True

    def _shape_of(self, packet: MediaPacket, header: bytes) -> Shape:
        """The picture's new size, which only a decoder can tell."""
        context = av.CodecContext.create(self._source.lead.codec_context.codec, "r")
        context.extradata = header
        if isinstance(context, VideoCodecContext):
            for frame in [*context.decode(packet), *context.decode(None)]:
                return Shape(header, frame.width, frame.height)
        raise SourceChanged

    def _open(self, first_s: float) -> None:
        job, info = self._job, self._source.info
        if self._shape is not None:
            info = replace(info, width=self._shape.width, height=self._shape.height)
        path = part_path(Path(job.output), job.recording_id, self._seq, job.save_format)
        self._segment = Segment(
            self._seq,
            SegmentFile(path, job.save_format, self._source.streams, self._shape),
            info,
            first_s=first_s,
            wall_ms=self._wall_ms,
            emit=self._emit,
            zone=job.zone,
            start_ms=self._end_ms,
            floor_ms=self._floor_ms,
        )
        self._cuts.begin(self._wall_ms(first_s))
        self._cut_due = False
        self._seq += 1

    def _close(self, status: SegmentStatus, end_s: float | None = None) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            self._end_ms = segment.close(status, end_s)

    def _wall_ms(self, media_s: float) -> int:
        """When a moment of the stream was live, in Unix milliseconds."""
        return self._wall.at_ms(self._clock.at(media_s))
