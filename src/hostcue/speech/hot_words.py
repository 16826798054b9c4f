"""Names that a recogniser does not know, set right by how they sound."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

from hostcue.errors import SpeechMissing
from hostcue.model.utterance import Correction

_SHORTEST = 2
_READINGS = 2  # of a character, the most usual ones; the rare ones match what nobody said
_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_HANS = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]+")

# A recogniser errs within a name. These are words of their own, heard right far more often.
_OWN_WORDS = frozenset(
    "一二三四五六七八九十百千万两半几的了是在我你他她它们不有没和也都就还这那个吗呢吧啊"
)
# What a name stands between: if its first or last character is the one that differs, the
# neighbour must be one of these, or a mark. `真丝今天` holds no 真丝巾.
_BEFORE = frozenset(
    "的了是在有和跟与或及我你他她们给买卖要拍抢穿用戴涂喝吃选看带送讲说到把被让"
    "这那哪个条件款双只支瓶盒套包片张块斤袋箱罐杯号"
)
_AFTER = frozenset(
    "的了是在有和跟与或及我你他她很还都也不没就要会能可特太又只才多吗呢吧啊呀哦嘛这那怎来给拍买卖"
)


@dataclass(frozen=True, slots=True)
class _Sound:
    """A reading of a character: the syllable, its tone, and what an accent leaves of it."""

    syllable: str
    tone: str
    blurred: str


@dataclass(frozen=True, slots=True)
class _Word:
    """A hot word; `sounds` by character, None where it has to be there as it is."""

    text: str
    sounds: tuple[_Sound | None, ...]


@dataclass(frozen=True, slots=True)
class _Find:
    word: _Word
    at: int
    heard: str
    same: int  # how many characters are right already

    @property
    def end(self) -> int:
        return self.at + len(self.word.text)


class HotWords:
    """A room's product names and the like, of two characters or more.

    A stretch of text becomes a hot word if it has as many characters and sounds like it; Latin
    letters and digits have to be the same but for their case. If the first or the last character
    alone differs, it sounds the same, tone and all; of two characters one is always right.
    Otherwise tones do not count, and where accents differ some sounds may: zh, ch, sh for z, c,
    s, and ang, eng, ing for an, en, in. Not n for l, nor h for f: too many words that hosts say
    differ by these alone (男款, 蓝款).

    Raises:
        SpeechMissing: the extra `speech` is not installed.
    """

    def __init__(self, words: Iterable[str]) -> None:
        self._by_sound: dict[tuple[str, str], list[_Word]] = {}
        known = dict.fromkeys(" ".join(word.split()) for word in words)
        for text in known:
            if len(text) >= _SHORTEST and any(map(str.isalnum, text)):
                word = _Word(text, _sounds_of(text))
                for key in _keys_of(word):
                    self._by_sound.setdefault(key, []).append(word)
        if self._by_sound:
            load_readings()  # the text needs them even where no word does

    def correct(self, text: str) -> tuple[str, tuple[Correction, ...]]:
        """The text with what sounds like a hot word written so, and what was changed.

        What is a hot word already stays. What is corrected stays as it is.
        """
        made: list[Correction] = []
        while finds := self._best(text):
            for find in reversed(finds):
                text = f"{text[: find.at]}{find.word.text}{text[find.end :]}"
            made += (Correction(find.heard, find.word.text) for find in finds)
        return text, tuple(made)

    def _best(self, text: str) -> list[_Find]:
        """What to correct, in the order of the text: the longest names first, none twice."""
        taken = bytearray(len(text))
        finds: list[_Find] = []
        for at, word in self._candidates(text):
            if text.startswith(word.text, at):
                taken[at : at + len(word.text)] = b"\1" * len(word.text)
            elif (find := _find(word, text, at)) is not None:
                finds.append(find)
        best: list[_Find] = []
        for find in sorted(finds, key=lambda f: (-len(f.heard), -f.same, f.at)):
            if not any(taken[find.at : find.end]):
                taken[find.at : find.end] = b"\1" * len(find.heard)
                best.append(find)
        return sorted(best, key=lambda f: f.at)

    def _candidates(self, text: str) -> Iterator[tuple[int, _Word]]:
        """Words that begin, by the sound of two characters, like the text at a place."""
        if not self._by_sound:
            return
        sounds = [_keys(char) for char in text]
        for at in range(len(text) - 1):
            for first, second in product(sounds[at], sounds[at + 1]):
                for word in self._by_sound.get((first, second), ()):
                    yield at, word


def _find(word: _Word, text: str, at: int) -> _Find | None:
    heard = text[at : at + len(word.text)]
    if len(heard) < len(word.text) or _is_part_of_word(text, at, at + len(heard)):
        return None
    same = toneless = blurred = 0
    wrong: list[int] = []
    for place, (char, meant, sound) in enumerate(zip(heard, word.text, word.sounds, strict=True)):
        if char.lower() == meant.lower():
            same += 1
            continue
        like = None if sound is None else _likeness(char, sound)
        if like is None:
            return None
        wrong.append(place)
        toneless += like != "same"
        blurred += like == "blurred"
    if _is_near(heard, wrong, toneless, blurred) and _stands_free(text, at, heard, wrong):
        return _Find(word, at, heard, same)
    return None


def _is_near(heard: str, wrong: list[int], toneless: int, blurred: int) -> bool:
    length = len(heard)
    if length <= 3 and any(heard[place] in _OWN_WORDS for place in wrong):
        return False
    if _at_edge_alone(heard, wrong) and toneless:
        return False
    if length == 2:
        return len(wrong) <= 1
    if length == 3:
        return not blurred or (blurred == 1 and len(wrong) < length)
    return blurred <= length // 2


def _stands_free(text: str, at: int, heard: str, wrong: list[int]) -> bool:
    """Whether the characters that differ belong to the name, not to a word beside it."""
    if len(heard) > 3 and len(wrong) > 1:
        return True
    before, after = text[at - 1 : at], text[at + len(heard) : at + len(heard) + 1]
    if 0 in wrong and _HAN.match(before) and before not in _BEFORE:
        return False
    return not (len(heard) - 1 in wrong and _HAN.match(after) and after not in _AFTER)


def _at_edge_alone(heard: str, wrong: list[int]) -> bool:
    return wrong in ([0], [len(heard) - 1])


def _is_part_of_word(text: str, start: int, end: int) -> bool:
    """Whether a Latin word or a number goes on beyond the stretch."""
    return any(
        _is_latin(text[place - 1]) and _is_latin(text[place])
        for place in (start, end)
        if 0 < place < len(text)
    )


def _is_latin(char: str) -> bool:
    return char.isascii() and char.isalnum()


def _likeness(char: str, meant: _Sound) -> str | None:
    """How a character sounds like what was meant: `same`, but for its `tone`, `blurred`."""
    sounds = _sounds(char)
    if any((s.syllable, s.tone) == (meant.syllable, meant.tone) for s in sounds):
        return "same"
    if any(s.syllable == meant.syllable for s in sounds):
        return "tone"
    return "blurred" if any(s.blurred == meant.blurred for s in sounds) else None


def _keys_of(word: _Word) -> set[tuple[str, str]]:
    """By what the word may begin: as it is read, and as its characters are read alone."""
    first, second = (
        {*_keys(char), *(() if sound is None else (sound.blurred,))}
        for char, sound in zip(word.text[:2], word.sounds[:2], strict=True)
    )
    return set(product(first, second))


@functools.lru_cache(maxsize=8192)
def _keys(char: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(s.blurred for s in _sounds(char))) or (char.lower(),)


@functools.lru_cache(maxsize=8192)
def _sounds(char: str) -> tuple[_Sound, ...]:
    """The usual readings of a Chinese character; none of any other."""
    if not _HAN.match(char):
        return ()
    (readings,) = _pinyin(char, every=True)
    return tuple(_sound(reading) for reading in readings[:_READINGS] if reading != char)


def _sounds_of(word: str) -> tuple[_Sound | None, ...]:
    """How a word is read as a whole: 重 of 重庆 is chong."""
    sounds: list[_Sound | None] = [None] * len(word)
    for run in _HANS.finditer(word):
        readings = _pinyin(run[0], every=False)
        if len(readings) != len(run[0]):  # neighbours that nobody can read come as one
            readings = [_pinyin(char, every=False)[0] for char in run[0]]
        for place, (reading, *_) in enumerate(readings, run.start()):
            sounds[place] = None if reading == word[place] else _sound(reading)
    return tuple(sounds)


def load_readings() -> None:
    """Have at hand what characters are read with, which takes half a second once; blocks.

    Raises:
        SpeechMissing: the extra `speech` is not installed.
    """
    _pinyin("字", every=False)


def _pinyin(text: str, *, every: bool) -> list[list[str]]:
    """The readings of each character: the one it has here, or `every` one it can have."""
    try:
        from pypinyin import Style, pinyin
    except ImportError:
        raise SpeechMissing(
            "hot words need the package pypinyin", remedy="pip install 'hostcue[speech]'"
        ) from None
    return pinyin(text, style=Style.TONE3, heteronym=every, neutral_tone_with_five=True)


def _sound(reading: str) -> _Sound:
    syllable, tone = reading[:-1], reading[-1]
    blurred = syllable[0] + syllable[2:] if syllable[:2] in {"zh", "ch", "sh"} else syllable
    # -iang and yang stay: an accent does not make them -ian and yan, which sound quite different.
    if blurred.endswith(("ang", "eng", "ing")) and not blurred.endswith(("iang", "yang")):
        blurred = blurred[:-1]
    return _Sound(syllable, tone, blurred)
