"""What a comment says, once what makes no difference is gone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from hostcue.comments.intents import Intents
from hostcue.comments.patterns import READ_CHARS
from hostcue.comments.slots import take_slots
from hostcue.model.digest import Intent, Slot

_EMOJI_CODE = re.compile(r"\[[^\[\]]{1,8}\]")
_MENTION = re.compile(r"@[^\s@,.!?:;]+")
_LONG_RUN = re.compile(r"(\D)\1{2,}")
_NOT_WORDS = re.compile(r"[\W_]+")
# What makes two otherwise equal questions two questions, besides links; one set of first
# characters, so that the engine skips what can't begin a match.
_UNLIKE = re.compile(r"[\d不没无男女大小厚薄红橙黄绿青蓝紫黑白灰粉棕咖米杏](?:(?<=\d)\d+)?")

Kin = tuple[str, ...]
"""Intent, links and what else keeps comments apart: only kin are compared."""


class Meaning(NamedTuple):
    """A wording without what makes no difference; `heat` is set for one that asks nothing."""

    key: str
    kin: Kin
    intent: Intent
    asks: bool
    heat: str | None
    slots: Mapping[Slot, tuple[str, ...]]


class Reading:
    """What wordings mean, each looked at once."""

    def __init__(self, intents: Intents) -> None:
        self._intents = intents
        self._known: dict[str, Meaning] = {}

    def __call__(self, content: str) -> Meaning:
        """What this wording means."""
        meaning = self._known.get(content)
        if meaning is None:
            meaning = self._known[content] = _meaning(content, self._intents)
        return meaning


def _meaning(content: str, intents: Intents) -> Meaning:
    text = unicodedata.normalize("NFKC", content[: 5 * READ_CHARS]).lower()
    if "[" in text:
        text = _EMOJI_CODE.sub("", text)
    if "@" in text:
        text = _MENTION.sub("", text)
    if len(text) - len(set(text)) > 1:  # else the pattern takes its time to find nothing
        text = _LONG_RUN.sub(r"\1", text)
    text = text[:READ_CHARS]
    bare = _words(text)
    heat = intents.heat_of(bare)
    if heat is not None:
        return Meaning("", (), "other", False, heat, {})
    without, slots = take_slots(text, intents.places)
    if slots:
        bare = _words(without)
    key = intents.fillers.sub("", bare) or bare
    intent = intents.intent_of(text)
    links = sorted(slots["link"]) if "link" in slots else ()
    return Meaning(
        key, (intent, *links, *_UNLIKE.findall(key)), intent, intents.asks(text), None, slots
    )


def _words(text: str) -> str:
    return text if text.isalnum() else _NOT_WORDS.sub("", text)
