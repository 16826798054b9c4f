"""The sound of one connection is brought to whoever listens; nothing is written."""

from __future__ import annotations

from collections.abc import Callable

from hostcue.model.segment import SegmentStatus
from hostcue.recording.arrival import MediaClock
from hostcue.recording.intake import Held, Intake
from hostcue.recording.overlap import OVERLAP_MS, Overlap, mark_of
from hostcue.recording.protocol import Listened, ListenJob, WorkerEvent
from hostcue.recording.sound_tap import SoundTap
from hostcue.recording.source import MediaPacket, Source
from hostcue.recording.wall_clock import WallClock


class Listening:
    """What `Capture` is for a recording; it tells how far it is in `Listened`."""

    def __init__(
        self,
        job: ListenJob,
        source: Source,
        clock: MediaClock,
        emit: Callable[[WorkerEvent], None],
        tap: SoundTap,
    ) -> None:
        self._clock = clock
        self._wall = WallClock()
        self._emit = emit
        self._tap = tap
        self._source = source
        self._intake = Intake(job, source, clock)
        self._tap.follow(source.sound)
        before_ms = job.not_before_ms
        if before_ms is not None and before_ms > self._wall.now_ms + OVERLAP_MS:
            before_ms = None  # the machine's clock was set back meanwhile
        self._overlap = Overlap(before_ms, job.last_key, picture=False)
        self._listened: Listened | None = None
        self.pace = self._intake.pace
        self.last_key = job.last_key
        """The mark of the last packet that was brought."""

    def go_on(self, source: Source) -> None:
        """The stream goes on in another form."""
        self.end("ready")
        self._intake.go_on(source)
        self._source = source
        self._tap.follow(source.sound)

    def take(self, packet: MediaPacket, now_s: float) -> None:
        """A packet came in."""
        if self._intake.waits:
            self.tick(now_s)
        self._intake.take(packet, now_s)
        self.tick(now_s)

    def tick(self, now_s: float) -> None:
        """Bring what was held back, if the clock has settled."""
        if self._intake.settled(now_s):
            for held in self._intake.passed():
                self._hear(held)

    @property
    def recording(self) -> bool:
        """Whether any sound was brought."""
        return self._listened is not None

    @property
    def last_piece(self) -> str:
        """The mark of the last piece that was taken of HLS."""
        return self._source.last_piece

    def progress(self) -> Listened | None:
        """How far it is."""
        return self._listened

    def end(self, _: SegmentStatus) -> None:
        """No more packets."""
        for held in self._intake.rest():
            self._hear(held)
        if self._listened is not None:
            self._emit(self._listened)

    def _hear(self, held: Held) -> None:
        data = bytes(held.packet)
        mark = mark_of(data)
        if self._wall.was_set():
            self._wall.follow()
        at_ms = self._wall.at_ms(self._clock.at(held.media_s))
        if self._overlap.covers(mark, held.media_s, at_ms):
            return
        tick_s = self._intake.ticks[held.packet.stream_index]
        length_ms = (held.packet.duration or 0) * tick_s * 1000
        self._tap.hear(data, at_ms, length_ms, held.media_s * 1000)
        self.last_key = mark
        first = self._listened is None
        start_ms = at_ms if self._listened is None else self._listened.start_ms
        self._listened = Listened(start_ms, max(start_ms, round(at_ms + length_ms)))
        if first:
            self._emit(self._listened)
