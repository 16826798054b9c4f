"""How a session stands, and what its parts wait for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Literal

import anyio

from hostcue.errors import ConfigError, HostcueError
from hostcue.model.speech import SpeechState
from hostcue.speech.change import Change

Part = Literal["ear", "recogniser"]
_FAILURES = 5


class SessionState:
    """`waiting` while a part of the session has no engine, else `listening`.

    `changed` is told whenever a part may have something to do. Without `patience` an error that
    somebody has to mend, or a part that fails time and again, is raised.
    """

    def __init__(
        self,
        told: Callable[[SpeechState, str], None],
        *,
        may_go_on: Callable[[], bool],
        patient: bool,
    ) -> None:
        self._told = told
        self._patient = patient
        self._errors: dict[Part, HostcueError] = {}
        self._failures = Counter[Part]()
        self.may_go_on = may_go_on
        self.changed = Change()
        self.state: SpeechState = "starting"
        self.reason = ""
        self.closing = False

    @property
    def error(self) -> HostcueError | None:
        """What it waits for to be mended."""
        return next(iter(self._errors.values()), None)

    def note(self, part: Part, error: HostcueError | None) -> None:
        """A part of the session works, or what it failed with."""
        if error is None:
            self._errors.pop(part, None)
            self._failures[part] = 0
        else:
            self._errors[part] = error
            self._failures[part] += 1
            hopeless = isinstance(error, ConfigError) or self._failures[part] >= _FAILURES
            if hopeless and not self._patient:
                raise error
        if self.error is None:
            self.become("listening")
        else:
            self.become("waiting", self.error.code)

    def become(self, state: SpeechState, reason: str = "") -> None:
        """From now on it stands so."""
        if (state, reason) != (self.state, self.reason):
            self.state, self.reason = state, reason
            self._told(state, reason)

    def close(self) -> None:
        """No more sound comes."""
        self.closing = True
        self.changed.tell()


class Patience:
    """Waits before another try, longer each time up to a limit."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._next_s = first_s

    async def wait(self) -> None:
        """Once."""
        wait_s, self._next_s = self._next_s, min(2 * self._next_s, self._longest_s)
        await anyio.sleep(wait_s)

    def reset(self) -> None:
        """It works again."""
        self._next_s = self._first_s
