"""What it takes to listen to rooms, and whether it is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import anyio.to_thread

from hostcue.errors import HostcueError
from hostcue.model.network import Proxies
from hostcue.model.room import Access, LiveRoom, Room
from hostcue.pipeline.speech_log import Publish
from hostcue.recording.listener import Listener
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.speech.session import SpeechSession
from hostcue.storage.utterances import Utterances


@dataclass(frozen=True, slots=True)
class ListeningParts:
    """What it takes to listen to rooms.

    `resolve` finds a room's stream, `room_of` tells what a link alone says of it; a room's own
    proxy goes before `proxies`. What was said last is waited for at most `end_s`.
    """

    inlet: SoundInlet
    new_session: Callable[..., SpeechSession]
    new_listener: Callable[..., Listener]
    resolve: Callable[[str, Access], Awaitable[LiveRoom]]
    room_of: Callable[[str], Room]
    store: Utterances
    publish: Publish
    proxies: Proxies = field(default_factory=Proxies)
    end_s: float = 8.0


@dataclass(frozen=True, slots=True)
class Supply:
    """What was found of the extra `speech` and of the model; `error` is what keeps us from it."""

    model: str
    extra_installed: bool = False
    model_found: bool = False
    vad_found: bool = False
    error: HostcueError | None = None


class SpeechSupply:
    """Remembers what `look_up`, which blocks, found last."""

    def __init__(self, look_up: Callable[[], Supply], before: Supply) -> None:
        self._look_up = look_up
        self.found = before

    @property
    def ready(self) -> bool:
        """Whether rooms could be listened to."""
        return self.found.error is None

    async def look(self) -> bool:
        """Look again; whether it is ready."""
        self.found = await anyio.to_thread.run_sync(self._look_up)
        return self.ready

    async def require(self) -> None:
        """Look again.

        Raises:
            SpeechMissing, ModelRefused: it is not ready.
        """
        if not await self.look() and self.found.error is not None:
            raise self.found.error
