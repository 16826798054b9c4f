"""The sound of what is recorded, brought to whoever listens."""

from __future__ import annotations

import sys
import threading
from collections import deque
from contextlib import suppress

from av.audio.stream import AudioStream

from hostcue.model.sound import SoundPlace
from hostcue.recording.sound_decoder import SoundDecoder, SoundForm, SoundPacket
from hostcue.recording.sound_line import LineGone, SoundLine

_LEAVE_S = 0.5
_HOLE_MS = 50.0  # packets that are farther apart don't follow each other


class SoundQueue:
    """Packets that wait to be decoded: of more than `keep_ms`, the oldest are lost and counted."""

    def __init__(self, keep_ms: float) -> None:
        self._keep_ms = keep_ms
        self._packets: deque[SoundPacket] = deque()
        self._held_ms = self._lost_ms = 0.0
        self._over = False
        self._news = threading.Condition()

    def put(self, packet: SoundPacket) -> None:
        """Add one; never waits for whoever takes them."""
        with self._news:
            self._packets.append(packet)
            self._held_ms += packet.length_ms
            while self._held_ms > self._keep_ms and len(self._packets) > 1:
                lost = self._packets.popleft()
                self._held_ms -= lost.length_ms
                # by the times, since lengths may be rounded, which adds up
                apart_ms = self._packets[0].at_ms - lost.at_ms
                follows = 0 < apart_ms <= lost.length_ms + _HOLE_MS
                self._lost_ms += apart_ms if follows else lost.length_ms
            self._news.notify()

    def take(self) -> tuple[SoundPacket, float] | None:
        """The next one, and how much was lost before it; None when there will be none."""
        with self._news:
            while not self._packets:
                if self._over:
                    return None
                self._news.wait()
            packet = self._packets.popleft()
            self._held_ms -= packet.length_ms
            lost_ms, self._lost_ms = self._lost_ms, 0.0
            return packet, lost_ms

    def end(self) -> None:
        """No more come."""
        with self._news:
            self._over = True
            self._news.notify()


class _Ear:
    """Decodes and sends what it is given, in a thread of its own."""

    def __init__(self, place: SoundPlace, keep_ms: float) -> None:
        self.queue = SoundQueue(keep_ms)
        self._line = SoundLine(place)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def finish(self, within_s: float) -> None:
        """Bring what is there, if that takes no longer; returns at once."""
        self._line.give_up(within_s)
        self.queue.end()

    def _run(self) -> None:
        try:
            self._work(SoundDecoder())
        except LineGone:
            pass
        except Exception as exc:  # noqa: BLE001 - the recording goes on
            with suppress(OSError):
                sys.stderr.write(f"the sound can't be listened to: {type(exc).__name__}\n")
        finally:
            self._line.close()

    def _work(self, decoder: SoundDecoder) -> None:
        while (taken := self.queue.take()) is not None:
            for sound in decoder.take(*taken):
                self._line.send(sound)
        for sound in decoder.rest():
            self._line.send(sound)
        self._line.drain()


class SoundTap:
    """Takes copies of a stream's sound; never waits for anybody, and harms nobody."""

    def __init__(self, place: SoundPlace | None = None, *, keep_ms: float = 20_000.0) -> None:
        self._keep_ms = keep_ms
        self._form: SoundForm | None = None
        self._place: SoundPlace | None = None
        self._ear: _Ear | None = None
        self.turn_to(place)

    def turn_to(self, place: SoundPlace | None) -> None:
        """Bring sound there from now on, or nowhere."""
        if place == self._place:
            return
        before, self._place = self._ear, place
        self._ear = None if place is None else _Ear(place, self._keep_ms)
        if before is not None:
            before.finish(_LEAVE_S)

    @property
    def listens(self) -> bool:
        """Whether anybody wants it."""
        return self._ear is not None

    def follow(self, stream: AudioStream | None) -> None:
        """The packets that come now are of this stream."""
        self._form = None if stream is None else SoundForm.of(stream)

    def hear(
        self, data: bytes, at_ms: float, length_ms: float, media_ms: float | None = None
    ) -> None:
        """A packet, when it was live, how long it plays, and its place in the stream."""
        ear, form = self._ear, self._form
        if ear is not None and form is not None:
            ear.queue.put(SoundPacket(form, data, at_ms, length_ms, media_ms))

    def close(self, within_s: float = _LEAVE_S) -> None:
        """Bring what is left, if that takes no longer."""
        ear, self._ear = self._ear, None
        if ear is not None:
            ear.finish(within_s)
            ear.thread.join(within_s + 0.1)
