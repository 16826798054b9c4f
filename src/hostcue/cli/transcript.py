"""What was said, as lines for people, for programs and for players."""

from __future__ import annotations

import json
from contextlib import nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal, Self, TextIO

from hostcue.errors import BadRequest
from hostcue.model.comment import Gap
from hostcue.model.utterance import Utterance

Form = Literal["text", "json", "srt"]


class Transcript:
    """Writes sentences as they come; times count from `origin_ms`, in Unix milliseconds.

    With `clock` the lines for people carry the time of day instead.
    """

    def __init__(self, file: TextIO, form: Form, *, origin_ms: float, clock: bool) -> None:
        self._file = file
        self._form = form
        self.origin_ms = origin_ms
        self._clock = clock
        self._number = 0

    def write(self, said: Utterance | Gap) -> None:
        """One sentence; or, for programs, where nothing was heard."""
        if isinstance(said, Gap):
            text = "" if self._form != "json" else self._gap(said)
        elif self._form == "text":
            text = f"[{self.moment(said.start_ms)}] {_line(said.text)}"
        elif self._form == "json":
            text = json.dumps(self._object(said), ensure_ascii=False)
        else:
            text = self._subtitle(said)
        if text:
            print(text, file=self._file, flush=True)

    def moment(self, at_ms: float) -> str:
        """A moment as a line for people begins with it."""
        if self._clock:
            return f"{datetime.fromtimestamp(at_ms / 1000).astimezone():%H:%M:%S}"
        minutes, seconds = divmod(int(self._seconds(at_ms)), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"

    def _object(self, said: Utterance) -> dict[str, object]:
        """Seconds from the start; of a live room, the times of the wall clock as well."""
        told: dict[str, object] = self._times(said.start_ms, said.end_ms)
        return told | {
            "text": said.text,
            "language": said.language,
            "emotion": said.emotion,
            "event": said.event,
            "confidence": said.confidence,
            "flags": list(said.flags),
            "corrections": [{"heard": one.heard, "meant": one.meant} for one in said.corrections],
        }

    def _gap(self, gap: Gap) -> str:
        end_ms = gap.start_ms if gap.end_ms is None else gap.end_ms
        return json.dumps({**self._times(gap.start_ms, end_ms), "gap": gap.cause})

    def _times(self, start_ms: int, end_ms: int) -> dict[str, object]:
        told: dict[str, object] = {
            "start_s": round(self._seconds(start_ms), 3),
            "end_s": round(self._seconds(end_ms), 3),
        }
        return {**told, "start_ts": start_ms, "end_ts": end_ms} if self._clock else told

    def _subtitle(self, said: Utterance) -> str:
        self._number += 1
        start_s, end_s = self._seconds(said.start_ms), self._seconds(said.end_ms)
        return f"{self._number}\n{_stamp(start_s)} --> {_stamp(end_s)}\n{_line(said.text)}\n"

    def _seconds(self, at_ms: float) -> float:
        return max(0.0, (at_ms - self.origin_ms) / 1000)


def _line(text: str) -> str:
    """A blank line would end a subtitle."""
    return " ".join(text.split())


def _stamp(seconds: float) -> str:
    whole, ms = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02},{ms:03}"


class OutputFile:
    """A file whose old content goes with the first line, or with an end that has none.

    What could not be begun leaves it as it was.
    """

    def __init__(self, path: Path) -> None:
        """Raises BadRequest where it can't be written."""
        self._path = path
        self._was_there = path.exists()
        self._written = False
        try:
            self._file = path.open("a", encoding="utf-8")
        except OSError as exc:
            raise BadRequest(
                f"{path} can't be written: {exc.strerror}",
                field="--output",
                remedy="name a file in a folder that is there and can be written",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._begin()
        with suppress(OSError) if kind is not None else nullcontext():  # it would write once more
            self._file.close()
        if not self._written and not self._was_there:
            self._path.unlink(missing_ok=True)

    def write(self, text: str) -> int:
        """As of any text file."""
        self._begin()
        return self._file.write(text)

    def flush(self) -> None:
        """As of any text file."""
        self._file.flush()

    def _begin(self) -> None:
        if not self._written:
            self._written = True
            self._file.truncate(0)
