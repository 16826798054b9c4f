"""The packets of one connection become segments."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import av
from av.video.codeccontext import VideoCodecContext

from hostcue.model.clock import now_ms
from hostcue.model.recording import Progress
from hostcue.model.segment import SegmentStatus
from hostcue.recording.arrival import MediaClock
from hostcue.recording.naming import part_path
from hostcue.recording.protocol import CaptureJob, WorkerEvent
from hostcue.recording.segment import Segment
from hostcue.recording.segment_file import SegmentFile, Shape
from hostcue.recording.source import MediaPacket, Source, SourceChanged
from hostcue.recording.timeline import Timeline

_EARLY_S = 0.05  # a key frame that comes this much before the time is up cuts already
_OVERLAP_MS = 150  # how far two connections' clocks may differ over the same moment
_REPEAT_S = 10.0  # no CDN greets with more than this


@dataclass(frozen=True, slots=True)
class _Held:
    packet: MediaPacket
    media_s: float
    shift_s: float
    jumped: bool


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
    ) -> None:
        self._job = job
        self._source = source
        self._clock = clock
        self._emit = emit
        self._timeline = Timeline()
        self._lead = source.lead.index
        self._ticks = {s.index: float(s.time_base or 1) for s in source.streams}
        self._headers = {s.index: s.codec_context.extradata for s in source.streams}
        self._shape: Shape | None = None
        self._held: deque[_Held] = deque()
        self._seq = job.first_seq
        self._segment: Segment | None = None
        self._begin_s: float | None = None
        self._lead_s = self._step_s = 0.0
        self._end_ms: int | None = None
        self._cut_due = False
        self.heard_s: float | None = None
        """When the last packet of the picture came in, by `time.monotonic`."""

    def take(self, packet: MediaPacket, now_s: float) -> None:
        """A packet came in.

        Raises:
            DiskFull: it could not be written.
            SourceChanged: the stream can't go on in this connection.
        """
        self.tick(now_s)  # what came before a long silence goes by the clock it came by
        index = packet.stream_index
        dts_s = (packet.dts or 0) * self._ticks[index]
        shift_s, jumped = self._timeline.shift(index, dts_s)
        if index == self._lead:
            self._clock.observe(now_s, dts_s + shift_s)
            self.heard_s = now_s
        self._held.append(_Held(packet, dts_s + shift_s, shift_s, jumped))
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Record what was held back, if the clock has settled."""
        if self._clock.settled(now_s):
            self._release()
            if self._segment is not None:
                self._segment.refine()

    @property
    def recording(self) -> bool:
        """Whether a segment is open."""
        return self._segment is not None

    def progress(self) -> Progress | None:
        """How far the open segment is."""
        return None if self._segment is None else self._segment.progress()

    def end(self, status: SegmentStatus) -> None:
        """No more packets: record what is held back, then close and announce the segment.

        Raises:
            DiskFull: not all of it could be written; the segment was announced all the same.
        """
        try:
            self._release()
        finally:
            self._close(status)

    def _release(self) -> None:
        while self._held:
            self._record(self._held.popleft())

    def _record(self, held: _Held) -> None:
        self._note_change(held)
        lead = held.packet.stream_index == self._lead
        key = lead and (held.packet.is_keyframe or not self._source.info.video_codec)
        if key and self._segment is not None and self._cuts(self._segment, held.media_s):
            self._close("ready", held.media_s)
        if key and self._segment is None and not self._repeats(held.media_s):
            self._open(held.media_s)
        if self._segment is None:
            return
        if lead:
            self._segment.reach(held.media_s + self._length_s(held))
        self._segment.write(held.packet, held.shift_s)

    def _cuts(self, segment: Segment, media_s: float) -> bool:
        early_s = _EARLY_S if self._source.info.video_codec else 0.0
        return self._cut_due or segment.length_s(media_s) >= self._job.segment_s - early_s

    def _length_s(self, held: _Held) -> float:
        """How long a packet of the picture lasts: the pace of late, if it doesn't say."""
        if held.packet.duration:
            return held.packet.duration * self._ticks[self._lead]
        if self._lead_s < held.media_s:
            self._step_s = held.media_s - self._lead_s
        self._lead_s = held.media_s
        return self._step_s

    def _note_change(self, held: _Held) -> None:
        """A mended jump, or a new header: both end the segment at the next key frame."""
        self._cut_due |= held.jumped
        packet, index = held.packet, held.packet.stream_index
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

    def _repeats(self, media_s: float) -> bool:
        """Whether the previous connection has recorded this moment already."""
        if self._begin_s is None:
            self._begin_s = media_s
        before_ms = self._job.not_before_ms
        if before_ms is None or media_s - self._begin_s > _REPEAT_S:
            return False
        return self._wall_ms(media_s) < before_ms - _OVERLAP_MS

    def _open(self, first_s: float) -> None:
        job, info = self._job, self._source.info
        if self._shape is not None:
            info = replace(info, width=self._shape.width, height=self._shape.height)
        path = part_path(Path(job.output), job.recording_id, self._seq, job.save_format)
        floor_ms = job.not_before_ms or 0
        if self._wall_ms(first_s) < floor_ms - _OVERLAP_MS:
            floor_ms = 0  # the machine's clock was set back
        self._segment = Segment(
            self._seq,
            SegmentFile(path, job.save_format, self._source.streams, self._shape),
            info,
            first_s=first_s,
            wall_ms=self._wall_ms,
            emit=self._emit,
            zone=job.zone,
            start_ms=self._end_ms,
            floor_ms=floor_ms,
        )
        self._cut_due = False
        self._seq += 1

    def _close(self, status: SegmentStatus, end_s: float | None = None) -> None:
        segment, self._segment = self._segment, None
        if segment is not None:
            self._end_ms = segment.close(status, end_s)

    def _wall_ms(self, media_s: float) -> int:
        """Unix milliseconds; a machine whose clock is set in between counts by the new time."""
        return round((self._clock.at(media_s) - time.monotonic()) * 1000) + now_ms()
