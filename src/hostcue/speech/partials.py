"""What the stretch that is being spoken sounds like so far."""

from __future__ import annotations

from collections.abc import Callable

import anyio
import structlog

from hostcue.errors import HostcueError
from hostcue.model.speech import SpeechPlan
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.listening import Listening
from hostcue.speech.sound_buffer import SoundBuffer

log = structlog.get_logger(__name__)


class Partials:
    """Tells partial texts, where the plan asks for them and nobody has to wait for that.

    None is told of a stretch that is over: its text is on the way.
    """

    def __init__(
        self,
        engine: SpeechEngine,
        buffer: SoundBuffer,
        plan: SpeechPlan,
        *,
        may: Callable[[], bool],
        tell: Callable[[int, int, str], None],
    ) -> None:
        self._engine = engine
        self._buffer = buffer
        self._may = may
        self._tell = tell
        self._plan = plan

    def adopt(self, plan: SpeechPlan) -> None:
        """By these rules from now on."""
        self._plan = plan

    async def run(self, listening: Listening) -> None:
        """Tell one all `chunk_s`, for ever."""
        told_until = 0
        while True:
            await anyio.sleep(self._plan.chunk_s)
            start, end = listening.speaking_from, listening.given
            if self._plan.partials and start is not None and end > told_until and self._may():
                told_until = end
                text = await self._partial(start, end)
                if text and listening.speaking_from == start:
                    self._tell(start, end, text)

    async def _partial(self, start: int, end: int) -> str:
        pcm = self._buffer.pcm(start, end)
        try:
            transcript = await self._engine.transcribe(
                pcm, language=self._plan.language, urgency="partial"
            )
        except HostcueError as exc:
            log.debug("no_partial", code=exc.code)
            return ""
        return transcript.text
