"""Server-sent events out of bytes, within bounds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

_MAX_LINE_BYTES = 1 << 20
_MAX_EVENT_CHARS = 4 << 20
_MAX_ID_CHARS = 256


@dataclass(frozen=True, slots=True)
class SentEvent:
    """One message; `id` is the last that the stream gave, also before this one."""

    data: str
    id: str


@dataclass(slots=True)
class EventStreamReader:
    """Reads one stream; a new connection goes on with a new reader and the old `last_id`.

    What is longer than any message we want is left out and counted in `oversized`.
    """

    last_id: str = ""
    retry_ms: int | None = None
    oversized: int = 0
    _rest: bytearray = field(default_factory=bytearray)
    _data: list[str] = field(default_factory=list[str])
    _size: int = 0
    _after_return: bool = False
    _skips_line: bool = False
    _skips_event: bool = False

    def feed(self, chunk: bytes) -> Iterator[SentEvent]:
        """The messages that these bytes complete."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # of a line end that was cut in two
        self._after_return = chunk.endswith(b"\r") if chunk else self._after_return
        self._rest += chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = self._rest.split(b"\n")
        self._rest = rest
        for line in lines:
            if (event := self._line(bytes(line))) is not None:
                yield event
        if len(self._rest) > _MAX_LINE_BYTES:
            self._rest.clear()
            self._skips_line = self._skips_event = True

    def _line(self, line: bytes) -> SentEvent | None:
        if self._skips_line:
            self._skips_line = False
            return None
        if not line:
            return self._dispatch()
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        match name.removeprefix("\ufeff"):
            case "data":
                self._size += len(value) + 1
                self._data.append(value)
                if self._size > _MAX_EVENT_CHARS:
                    self._skips_event = True
                    self._data.clear()
            case "id" if len(value) <= _MAX_ID_CHARS and value.isascii() and value.isprintable():
                self.last_id = value
            case "retry" if value.isascii() and value.isdecimal() and len(value) <= 9:
                self.retry_ms = int(value)
            case _:
                pass
        return None

    def _dispatch(self) -> SentEvent | None:
        data, skipped = "\n".join(self._data), self._skips_event
        self._data.clear()
        self._size, self._skips_event = 0, False
        if skipped:
            self.oversized += 1
            return None
        return SentEvent(data, self.last_id) if data else None
