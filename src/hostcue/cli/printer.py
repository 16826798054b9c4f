"""Prints sentences as they are heard, and what else a terminal should show."""

from __future__ import annotations

import os
import sys

import anyio

from hostcue.cli.transcript import Transcript
from hostcue.errors import BadRequest
from hostcue.model.comment import Gap
from hostcue.model.speech import Partial, SpeechEvent, SpeechStateChanged
from hostcue.model.utterance import Utterance

_CLEAR = "\r\x1b[K"


class Printer:
    """Prints what was heard; where that can't be done, all of it ends."""

    def __init__(self, transcript: Transcript, scope: anyio.CancelScope) -> None:
        self._transcript = transcript
        self._scope = scope
        self._failed: OSError | None = None
        self.missed_s = 0.0
        self._shown = False

    async def take(self, event: SpeechEvent) -> None:
        """One event of a session."""
        match event:
            case Gap(cause="stopped"):  # the user knows
                pass
            case Utterance() | Gap():
                self._write(event)
            case Partial():
                self.show(f"… {event.text}")
            case SpeechStateChanged(state="waiting", reason=reason) if reason:
                self.say(f"[{self._transcript.moment(event.at_ms)}] waiting: {reason}")
            case _:
                pass

    def check(self) -> None:
        """See whether all was printed.

        Raises:
            BrokenPipeError: whoever read had enough.
            BadRequest: it could not be written, for another reason.
        """
        if self._failed is None:
            return
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python would write again
        if isinstance(self._failed, BrokenPipeError):
            raise self._failed
        raise BadRequest(
            f"what was heard can't be written: {self._failed.strerror}",
            remedy="make room, or name a file elsewhere with --output",
        )

    def _write(self, said: Utterance | Gap) -> None:
        self.show("")
        try:
            self._transcript.write(said)
        except OSError as exc:  # whoever read has enough, or the disk is full
            self._failed = exc
            self._scope.cancel()
        if isinstance(said, Gap) and said.end_ms is not None:
            length_s = (said.end_ms - said.start_ms) / 1000
            self.missed_s += length_s
            moment = self._transcript.moment(said.start_ms)
            self.say(f"[{moment}] {length_s:.1f} s not heard: {said.cause}")

    def show(self, text: str) -> None:
        """Something that the next line replaces, on a terminal."""
        if sys.stderr.isatty() and (text or self._shown):
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
            print(_CLEAR + text[: columns // 2], end="", file=sys.stderr, flush=True)
        self._shown = bool(text)

    def say(self, text: str) -> None:
        """A line that stays."""
        self.show("")
        print(text, file=sys.stderr, flush=True)
