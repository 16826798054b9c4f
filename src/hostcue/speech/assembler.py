"""Pieces of recognised text become sentences."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hostcue.model.speech import AssemblerRules, CutCause

_ENDS = frozenset("。！？!?；")
_COMMAS = frozenset("，、")
_JOINED_MS = 300  # closer than this, a cut fell in the middle of what was said
_FAR_S = 3.0  # what is further apart is not one sentence, where the rules name no wait


@dataclass(frozen=True, slots=True)
class Piece:
    """What was recognised in one cut; times in Unix milliseconds, tags as in `Utterance`.

    `rms` is how loud it was, 0..1; None where that is not known.
    """

    text: str
    start_ms: float
    end_ms: float
    cause: CutCause = "silence"
    language: str = ""
    emotion: str = ""
    event: str = ""
    rms: float | None = None


@dataclass(frozen=True, slots=True)
class Sentence:
    """One or more pieces, or a part of one whose times are in proportion to the text.

    The language is that of its first piece, the emotion that of its longest. Its event is the
    one that lasts longest among those that are more than speech. `rms` is that of the loudest.
    """

    text: str
    start_ms: float
    end_ms: float
    language: str = ""
    emotion: str = ""
    event: str = ""
    rms: float | None = None


class Assembler:
    """Joins pieces until they make a sentence, and splits what is too long; it drops no word.

    A sentence is over with a mark that ends one, with `max_chars` (at the last mark before it, a
    comma will do), when no text came for `max_wait_s`, when the next piece was said that much
    later, and with `silence_flush` stretches without a word. Where a cut fell in the middle of
    speech, the full stop that recognisers put there is taken off as the rest arrives in time.
    All calls take the time of a clock that never goes back, in seconds.
    """

    def __init__(self, rules: AssemblerRules) -> None:
        self._rules = rules
        self._apart_ms = 1000 * (rules.max_wait_s if math.isfinite(rules.max_wait_s) else _FAR_S)
        self._pieces: list[Piece] = []
        self._text_s = 0.0  # when the last text came
        self._empty = 0

    def add(self, piece: Piece, now_s: float) -> list[Sentence]:
        """A stretch with what was heard in it; pieces come in the order they were said in."""
        if not piece.text.strip():
            return self.empty(now_s)
        ready = self.tick(now_s)
        if self._pieces:
            ready += self._before(piece)
        self._pieces.append(piece)
        self._text_s, self._empty = now_s, 0
        return ready + self._ripe()

    def empty(self, now_s: float) -> list[Sentence]:
        """A stretch in which no word was heard."""
        ready = self.tick(now_s)
        self._empty += 1
        return ready + self.flush() if self._empty >= self._rules.silence_flush else ready

    def tick(self, now_s: float) -> list[Sentence]:
        """Time passes; to be called when `due_s` is reached."""
        return self.flush() if self.due_s is not None and now_s >= self.due_s else []

    def quiet_until(self, moment_ms: float) -> list[Sentence]:
        """No later piece will begin before this moment, so a full stop may turn out to be one."""
        if self._pieces and moment_ms - self._pieces[-1].end_ms >= _JOINED_MS:
            self._pieces[-1] = replace(self._pieces[-1], cause="silence")
            return self._ripe()
        return []

    def flush(self) -> list[Sentence]:
        """What is left becomes a sentence."""
        pieces, self._pieces = self._pieces, []
        return [_sentence(pieces)] if pieces else []

    @property
    def due_s(self) -> float | None:
        """When a sentence will be over if no text comes; None if none waits, or waits for ever."""
        due_s = self._text_s + self._rules.max_wait_s
        return due_s if self._pieces and math.isfinite(due_s) else None

    @property
    def since_ms(self) -> float | None:
        """When the words were said that wait for the rest of their sentence; None if none do."""
        return self._pieces[0].start_ms if self._pieces else None

    def _before(self, piece: Piece) -> list[Sentence]:
        """What `piece` ends by being no part of it; else makes the last one ready to go on."""
        last = self._pieces[-1]
        gap_ms = piece.start_ms - last.end_ms
        if gap_ms > self._apart_ms:
            return self.flush()
        text = last.text
        if _may_be_artificial(last):
            if gap_ms >= _JOINED_MS:
                return self.flush() if self._length() >= self._rules.min_chars else []
            text = text[:-1]
        if _is_latin(text[-1:]) and _is_latin(piece.text[:1]):
            text += " "
        self._pieces[-1:] = [replace(last, text=text)] if text else []
        return []

    def _ripe(self) -> list[Sentence]:
        ready: list[Sentence] = []
        while self._length() >= self._rules.max_chars:
            ready.append(self._split_off(self._place_to_split()))
        return ready + self.flush() if self._pieces and self._is_over() else ready

    def _is_over(self) -> bool:
        last = self._pieces[-1]
        if _may_be_artificial(last) or self._length() < self._rules.min_chars:
            return False
        return last.text[-1] in _ENDS or _ends_latin(last.text)

    def _length(self) -> int:
        return sum(len(piece.text) for piece in self._pieces)

    def _place_to_split(self) -> int:
        """How many characters the next sentence takes: up to a mark, else no part of a word."""
        text = _text(self._pieces)
        most = max(1, self._rules.max_chars)
        least = min(max(1, self._rules.min_chars), most)
        for marks in (_ENDS, _COMMAS):
            for place in range(most, least - 1, -1):
                if text[place - 1] in marks:
                    return place
        for place in range(most, least - 1, -1):
            if not (_is_of_word(text[place - 1]) and _is_of_word(text[place : place + 1])):
                return place
        return most

    def _split_off(self, length: int) -> Sentence:
        """The first `length` characters as a sentence; a piece that lies across is parted."""
        taken: list[Piece] = []
        while length > 0:
            piece = self._pieces.pop(0)
            if len(piece.text) > length:
                piece, rest = _parted(piece, length)
                self._pieces.insert(0, rest)
            taken.append(piece)
            length -= len(piece.text)
        return _sentence(taken)


def _may_be_artificial(piece: Piece) -> bool:
    """A recogniser ends all it is given with a full stop, even what goes on."""
    if piece.cause not in {"soft", "hard"}:
        return False
    return piece.text[-1:] == "。" or _ends_latin(piece.text)


def _ends_latin(text: str) -> bool:
    """Whether it ends with the full stop of a Latin word, which that of a number is not."""
    return text[-1:] == "." and _is_latin(text[-2:-1])


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalpha()


def _is_of_word(char: str) -> bool:
    return char.isascii() and (char.isalnum() or char in ".%'")


def _parted(piece: Piece, length: int) -> tuple[Piece, Piece]:
    span_ms = piece.end_ms - piece.start_ms
    between_ms = piece.start_ms + span_ms * length / len(piece.text)
    return (
        replace(piece, text=piece.text[:length], end_ms=between_ms, cause="silence"),
        replace(piece, text=piece.text[length:], start_ms=between_ms),
    )


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def _sentence(pieces: Sequence[Piece]) -> Sentence:
    lasting = Counter[str]()
    for piece in pieces:
        if piece.event not in {"", "Speech"}:
            lasting[piece.event] += max(1, round(piece.end_ms - piece.start_ms))
    first_of_any = next((piece.event for piece in pieces if piece.event), "")
    longest = max(pieces, key=lambda piece: (bool(piece.emotion), piece.end_ms - piece.start_ms))
    loudness = [piece.rms for piece in pieces if piece.rms is not None]
    return Sentence(
        text=_text(pieces).strip(),
        start_ms=pieces[0].start_ms,
        end_ms=pieces[-1].end_ms,
        language=next((piece.language for piece in pieces if piece.language), ""),
        emotion=longest.emotion,
        event=lasting.most_common(1)[0][0] if lasting else first_of_any,
        rms=max(loudness, default=None),
    )
