"""What the server and its speech workers say to each other.

A frame is two lengths (each four bytes, big-endian), a JSON object and bytes: sound, or none.
Down go orders, each with a number; up comes one answer to each, with its number, in their order.
The end of the pipe ends the worker.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, cast, get_args

from hostcue.model.speech import CutCause, SegmenterRules, Token, Transcript
from hostcue.speech.segmenter import Cut

Role = Literal["ear", "recogniser"]

PREFIX_BYTES = 8
_LENGTHS = struct.Struct(">II")
_LONGEST_HEAD = 1 << 20
_LONGEST_BODY = 1 << 26  # half an hour of sound


class BadFrame(ValueError):
    """Bytes that are no frame of ours; whoever sent them is not to be spoken with any more."""


@dataclass(frozen=True, slots=True)
class Load:
    """The first order: become this. An ear needs `vad` alone, a recogniser all the others."""

    role: Role
    family: str
    model: str
    tokens: str
    vad: str
    language: str


@dataclass(frozen=True, slots=True)
class Ping:
    """Say that you are there."""


@dataclass(frozen=True, slots=True)
class Recognise:
    """Answered with a `Transcript`."""

    language: str
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenEar:
    """Listen to another stream, whose first sample has the number `at`."""

    ear: int
    at: int
    rules: SegmenterRules


@dataclass(frozen=True, slots=True)
class Look:
    """The next sound of a stream; answered with `Looked`."""

    ear: int
    pcm: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Flush:
    """A stream is over, or goes on elsewhere; answered with `Looked`."""

    ear: int


@dataclass(frozen=True, slots=True)
class CloseEar:
    """Forget a stream."""

    ear: int


Order = Load | Ping | Recognise | OpenEar | Look | Flush | CloseEar


@dataclass(frozen=True, slots=True)
class Done:
    """It was done, and there is nothing to tell."""


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be done; `kind` is the name of an exception."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Looked:
    """What an ear knows after a look; sample numbers on the scale of the ear's `at`.

    `until`: no later cut begins before it. `rms` (0..1) is how loud that was which it was given.
    """

    until: int
    cuts: tuple[Cut, ...]
    speaking_from: int | None
    rms: float


Answer = Done | Failed | Looked | Transcript

_ORDERS = {
    "load": Load,
    "ping": Ping,
    "recognise": Recognise,
    "open": OpenEar,
    "look": Look,
    "flush": Flush,
    "close": CloseEar,
}
_ANSWERS = {"done": Done, "failed": Failed, "looked": Looked, "transcript": Transcript}
_VERBS: dict[type, str] = {kind: verb for verb, kind in (_ORDERS | _ANSWERS).items()}


def frame(number: int, message: Order | Answer) -> bytes:
    """The bytes of a message."""
    values = asdict(message)
    body: bytes = values.pop("pcm", b"")
    text = json.dumps({"say": _VERBS[type(message)], "id": number, **values}, ensure_ascii=False)
    head = text.encode()
    return _LENGTHS.pack(len(head), len(body)) + head + body


def lengths(prefix: bytes) -> tuple[int, int]:
    """How long the two parts of a frame are, by its first `PREFIX_BYTES` bytes."""
    if len(prefix) != PREFIX_BYTES:
        raise BadFrame("no whole prefix")
    head, body = _LENGTHS.unpack(prefix)
    if head > _LONGEST_HEAD or body > _LONGEST_BODY:
        raise BadFrame("longer than any frame of ours")
    return head, body


def parse_order(head: bytes, body: bytes) -> tuple[int, Order]:
    """An order and its number."""
    values = _Values.of(head)
    order = _order(values, body)
    if body and not isinstance(order, Recognise | Look):
        raise BadFrame("sound that belongs to nothing")
    return values.whole("id"), order


def _order(values: _Values, body: bytes) -> Order:
    match values.text("say"):
        case "load":
            return _load(values)
        case "ping":
            return Ping()
        case "recognise":
            return Recognise(values.text("language"), _samples(body))
        case "open":
            rules = _Values(values.get("rules"))
            numbers = {item.name: rules.number(item.name) for item in fields(SegmenterRules)}
            return OpenEar(values.whole("ear"), values.whole("at"), SegmenterRules(**numbers))
        case "look":
            return Look(values.whole("ear"), _samples(body))
        case "flush":
            return Flush(values.whole("ear"))
        case "close":
            return CloseEar(values.whole("ear"))
        case _:
            raise BadFrame("no order of ours")


def _load(values: _Values) -> Load:
    role = values.text("role")
    if role not in get_args(Role):
        raise BadFrame("no role of ours")
    texts = [values.text(item.name) for item in fields(Load) if item.name != "role"]
    return Load(cast("Role", role), *texts)


def parse_answer(head: bytes, body: bytes) -> tuple[int, Answer]:
    """An answer and the number of its order."""
    values = _Values.of(head)
    if body:
        raise BadFrame("sound that belongs to nothing")
    return values.whole("id"), _answer(values)


def _answer(values: _Values) -> Answer:
    match values.text("say"):
        case "done":
            return Done()
        case "failed":
            return Failed(values.text("kind"), values.text("what"))
        case "looked":
            speaking_from = values.get("speaking_from")
            return Looked(
                values.whole("until"),
                tuple(_cut(cut) for cut in values.items("cuts")),
                None if speaking_from is None else values.whole("speaking_from"),
                values.number("rms"),
            )
        case "transcript":
            return Transcript(
                values.text("text"),
                tuple(Token(t.text("text"), t.number("start_s")) for t in values.items("tokens")),
                values.text("language"),
                values.text("emotion"),
                values.text("event"),
            )
        case _:
            raise BadFrame("no answer of ours")


def _cut(values: _Values) -> Cut:
    cause = values.text("cause")
    if cause not in get_args(CutCause):
        raise BadFrame("no cause of ours")
    return Cut(values.whole("start"), values.whole("end"), cast("CutCause", cause))


def _samples(body: bytes) -> bytes:
    if len(body) % 2:
        raise BadFrame("half a sample")
    return body


class _Values:
    """A JSON object whose values are asked for by name and kind."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, Mapping):
            raise BadFrame("no object")
        self._values = cast("Mapping[str, object]", values)

    @classmethod
    def of(cls, head: bytes) -> _Values:
        try:
            return cls(json.loads(head, parse_constant=_no_number))
        except BadFrame:
            raise
        except (ValueError, RecursionError):
            raise BadFrame("no JSON") from None

    def get(self, name: str) -> object:
        return self._values.get(name)

    def text(self, name: str) -> str:
        value = self.get(name)
        if not isinstance(value, str) or any("\ud800" <= sign <= "\udfff" for sign in value):
            raise BadFrame(f"{name} is no text")
        return value

    def whole(self, name: str) -> int:
        value = self.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise BadFrame(f"{name} is no whole number")
        return value

    def number(self, name: str) -> float:
        value = self.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise BadFrame(f"{name} is no number")
        try:
            return float(value)
        except OverflowError:
            raise BadFrame(f"{name} is too large") from None

    def items(self, name: str) -> list[_Values]:
        value = self.get(name)
        if not isinstance(value, list):
            raise BadFrame(f"{name} is no list")
        return [_Values(item) for item in cast("list[object]", value)]


def _no_number(name: str) -> float:
    raise BadFrame(f"{name} is no number")
