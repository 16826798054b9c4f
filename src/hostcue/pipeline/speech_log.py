"""What a session tells, stored and sent out under the broadcast that it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from hostcue.model.comment import Gap
from hostcue.model.event import Event
from hostcue.model.speech import Heard, Level, Partial, SpeechEvent, SpeechStateChanged
from hostcue.model.utterance import Utterance
from hostcue.storage.speech_spans import SpanSource
from hostcue.storage.utterances import Utterances

Publish = Callable[[Sequence[Event]], None]


class SpeechLog:
    """Keeps what one session tells; the same event a second time changes nothing.

    The room may begin another broadcast under way: what was said before that stays with the one
    before.
    """

    def __init__(
        self,
        session_id: str,
        room_id: str,
        store: Utterances,
        publish: Publish,
        *,
        source: SpanSource = "live",
    ) -> None:
        self._session_id = session_id
        self._store = store
        self._publish = publish
        self._source: SpanSource = source
        self._broadcasts = [(0, room_id)]

    @property
    def room_id(self) -> str:
        """The broadcast of this moment."""
        return self._broadcasts[-1][1]

    @property
    def room_ids(self) -> list[str]:
        """All broadcasts that some of it is of."""
        return [room_id for _, room_id in self._broadcasts]

    def belongs_to(self, room_id: str) -> bool:
        """Whether some of it is of that broadcast."""
        return room_id in self.room_ids

    def moved(self, room_id: str, since_ms: int) -> None:
        """From that moment on it is another broadcast, where the id is another."""
        if room_id != self.room_id:
            self._broadcasts.append((max(since_ms, self._broadcasts[-1][0] + 1), room_id))

    async def take(self, event: SpeechEvent) -> None:
        """Keep this, or pass it on where it is worth nothing a moment later.

        Raises:
            StorageFailed: nothing of it was kept; give it again.
        """
        match event:
            case Utterance():
                room_id = self._room_id(event.start_ms)
                # what was said in it is known, also if nothing more of this session ever is
                heard = [Heard(event.start_ms, event.end_ms)]
                said = [replace(event, room_id=room_id)]
                await self._store.take(
                    room_id, self._source, said, heard, session_id=self._session_id
                )
            case Heard():
                for room_id, span in self._shared_out(event):
                    await self._store.take(room_id, self._source, (), [span])
            case Gap():
                await self._store.gap(self._room_id(event.start_ms), self._session_id, event)
            case Partial() | Level():
                self._publish([self._passing(event)])
            case SpeechStateChanged():
                pass

    def _room_id(self, at_ms: int) -> str:
        return next(one for since_ms, one in reversed(self._broadcasts) if since_ms <= at_ms)

    def _shared_out(self, heard: Heard) -> Iterator[tuple[str, Heard]]:
        """The span, cut where another broadcast began."""
        begins = [since_ms for since_ms, _ in self._broadcasts]
        for (since_ms, room_id), next_ms in zip(
            self._broadcasts, [*begins[1:], heard.end_ms], strict=True
        ):
            start_ms, end_ms = max(heard.start_ms, since_ms), min(heard.end_ms, next_ms)
            if start_ms < end_ms:
                yield room_id, Heard(start_ms, end_ms)

    def _passing(self, event: Partial | Level) -> Event:
        data: dict[str, object] = {"session_id": self._session_id, "room_id": self.room_id}
        if isinstance(event, Partial):
            data |= {"start_ts": event.start_ms, "end_ts": event.end_ms, "text": event.text}
            return Event("speech", self.room_id, "partial", data)
        data |= {"ts": event.at_ms, "rms": round(event.rms, 5), "speaking": event.speaking}
        return Event("speech", self.room_id, "level", data)
