"""Packets on their way in: without repeats and jumps, and with the time they were live."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from hostcue.recording.arrival import MediaClock
from hostcue.recording.pace import Pace
from hostcue.recording.protocol import StreamJob
from hostcue.recording.repeats import Arrival, Repeats
from hostcue.recording.source import MediaPacket, Source
from hostcue.recording.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Held:
    """A packet, where it belongs, and what to add to its own times."""

    packet: MediaPacket
    media_s: float
    shift_s: float


class Intake:
    """Holds packets until the clock has settled; in steady state they pass at once."""

    def __init__(self, job: StreamJob, source: Source, clock: MediaClock) -> None:
        self._live = job.container != "file"
        self._clock = clock
        self._timeline = Timeline()
        self._held: deque[Held] = deque()
        self.pace = Pace(max_lag_s=math.inf if job.container == "hls" else job.max_lag_s)
        self._adopt(source)

    def _adopt(self, source: Source) -> None:
        self._source = source
        self._lead = source.lead.index
        self.ticks = {s.index: float(s.time_base or 1) for s in source.streams}
        self._repeats: Repeats[MediaPacket] = Repeats()
        self._begun = False

    def go_on(self, source: Source) -> None:
        """The stream goes on in another form; what was taken before has passed."""
        self._adopt(source)
        if source.lost:
            self._timeline = Timeline()

    def take(self, packet: MediaPacket, now_s: float) -> None:
        """A packet came in."""
        index = packet.stream_index
        dts_s = (packet.dts or 0) * self.ticks[index]
        self._begun |= self.is_key(packet)
        if self._live and self._begun:  # what comes before that is not recorded
            arrival = Arrival(index, dts_s, hash(bytes(packet)), now_s, packet)
            for passed in self._repeats.sift(arrival):
                self._place(passed.item, passed.dts_s, passed.now_s)
        else:
            self._place(packet, dts_s, now_s)

    def is_key(self, packet: MediaPacket) -> bool:
        """Whether a segment can begin with it."""
        lead = packet.stream_index == self._lead
        return lead and (packet.is_keyframe or not self._source.info.video_codec)

    @property
    def waits(self) -> bool:
        """Whether anything is held."""
        return bool(self._held)

    def settled(self, now_s: float) -> bool:
        """Whether what is held may pass."""
        return self._clock.settled(now_s)

    def passed(self) -> Iterator[Held]:
        """What is held, which it is no longer then."""
        while self._held:
            yield self._held.popleft()

    def rest(self) -> Iterator[Held]:
        """All there is: no more packets come."""
        for passed in self._repeats.rest():
            self._place(passed.item, passed.dts_s, passed.now_s)
        yield from self.passed()

    def _place(self, packet: MediaPacket, dts_s: float, now_s: float) -> None:
        place = self._timeline.place(packet.stream_index, dts_s)
        if packet.stream_index == self._lead:
            self._clock.observe(now_s, place.at_s)
            lag_s = now_s - self._clock.at(place.at_s) if self._live else 0.0
            self.pace.heard(now_s, lag_s)
        self._held.append(Held(packet, place.at_s, place.shift_s))
