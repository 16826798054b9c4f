"""A model's text becomes lines with evidence, or a typed error."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import get_args

from pydantic import BaseModel, Field, ValidationError, field_validator

from hostcue.analysis.evidence import Labels, nearest
from hostcue.errors import AnswerError
from hostcue.model.tip import Evidence, TipDraft, TipType

FEWEST, MOST = 3, 5

_TEXT_CHARS = range(4, 81)
_TAG_CHARS = range(1, 21)
_TAGS = 6
# Five lines take 1,500 to 2,500 characters and 20 brackets. The bounds are for a model that runs
# wild: repair takes time by the square of the length (0.2 s at worst, measured by fuzzing).
_LONGEST_ANSWER = 12_000
_LONGEST_REPAIR = 4_000
_OPENINGS = 50
_OPENING = re.compile(r"[{\[]")
# Shared pairs of characters, as a share of all: paraphrases measured 0.45 and more, unrelated
# lines below 0.24 (reference/qwen.md 5.6).
_SAME = 0.40


class _Tip(BaseModel):
    """One line as a model writes it; what it leaves out or gets wrong in form is made good."""

    text: str
    type: str = ""
    tags: list[str] = Field(default_factory=list)
    score: float = 0.5
    evidence: list[str] = Field(default_factory=list)

    @field_validator("text")
    @classmethod
    def _speakable(cls, text: str) -> str:
        text = _clean(text)
        if len(text) not in _TEXT_CHARS or not any(c.isalnum() for c in text):
            raise ValueError("too short or too long to be said")
        return text

    @field_validator("type", mode="before")
    @classmethod
    def _any_type(cls, value: object) -> str:
        return value.strip().lower() if isinstance(value, str) else ""

    @field_validator("tags", "evidence", mode="before")
    @classmethod
    def _strings(cls, value: object) -> list[str]:
        return list(_flatten(value))

    @field_validator("score")
    @classmethod
    def _clamped(cls, score: float) -> float:
        return 0.0 if math.isnan(score) else min(max(score, 0.0), 1.0)


def parse_answer(
    text: str, labels: Labels, tags: tuple[str, ...], *, cut: bool = False
) -> tuple[TipDraft, ...]:
    """The usable lines of a model's answer, best first, 3 to 5 of them.

    `tags` go before the model's own. `cut` says that the service ended the answer early: its
    last line is then taken for half a line and dropped. Of lines that say the same, the best is
    kept. A line that names no evidence we know rests on the `nearest`.

    Raises:
        AnswerError: fewer than 3 lines can be used.
    """
    written, whole = _written(text[:_LONGEST_ANSWER])
    if cut or not whole:
        written = written[:-1]
    drafts: list[TipDraft] = []
    for item in written:
        draft = _draft(item, labels, tags)
        if draft is not None:
            drafts.append(draft)
    drafts.sort(key=lambda draft: -draft.score)
    kept: list[TipDraft] = []
    for draft in drafts:
        if len(kept) < MOST and not any(_alike(draft.text, other.text) for other in kept):
            kept.append(draft)
    if len(kept) < FEWEST:
        raise AnswerError(f"the model gave {len(kept)} usable lines of {len(written)}, not 3 to 5")
    return tuple(kept)


def _draft(item: object, labels: Labels, tags: tuple[str, ...]) -> TipDraft | None:
    try:
        tip = _Tip.model_validate(item)
    except ValidationError:
        return None
    evidence = labels.resolve(tip.evidence)
    if evidence == Evidence():
        evidence = nearest(labels)
    if evidence == Evidence():
        return None
    own = [tag for tag in map(_clean, tip.tags) if len(tag) in _TAG_CHARS and tag not in tags]
    kind: TipType = next((t for t in get_args(TipType) if t == tip.type), "interaction")
    return TipDraft(tip.text, kind, (*tags, *dict.fromkeys(own[:_TAGS])), tip.score, evidence)


def _written(text: str) -> tuple[list[object], bool]:
    """The list of lines in the text, and whether the text ran to its end."""
    # Some servers send the closing mark of the thinking only.
    text = text.rpartition("</think>")[2].strip()
    for value in _readings(text):
        found = _list_in(value)
        if found:
            return found, True
    text = text[:_LONGEST_REPAIR]
    return _list_in(_repaired(text)), text.rstrip("` \n").endswith(("}", "]"))


def _readings(text: str) -> Iterator[object]:
    """The whole JSON values in the text, wherever they begin."""
    decoder = json.JSONDecoder()
    for opening in islice(_OPENING.finditer(text), _OPENINGS):
        try:
            yield decoder.raw_decode(text, opening.start())[0]
        except (ValueError, RecursionError):
            continue


def _repaired(text: str) -> object:
    import json_repair

    openings = [match.start() for match in islice(_OPENING.finditer(text), _OPENINGS + 1)]
    if not 0 < len(openings) <= _OPENINGS:
        return None
    try:
        return json_repair.loads(text[openings[0] :], skip_json_loads=True)
    except (ValueError, RecursionError):
        return None


def _list_in(value: object) -> list[object]:
    if isinstance(value, dict):
        value = value.get("tips")
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _flatten(value: object, depth: int = 2) -> Iterator[str]:
    """The strings in `{"comments": ["C1"]}`, `["C1"]` or `"C1, C2"`; models write all of them."""
    if isinstance(value, str):
        yield from (part for part in re.split(r"[\s,，、;；]+", value) if part)
    elif isinstance(value, dict | list) and depth:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _flatten(inner, depth - 1)


def _clean(text: str) -> str:
    """One line without invisible and direction-changing characters."""
    text = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFC", text))
    return " ".join("".join(c for c in text if unicodedata.category(c)[0] != "C").split())


def _alike(one: str, other: str) -> bool:
    pairs, others = _pairs(one), _pairs(other)
    return len(pairs & others) >= _SAME * len(pairs | others)


def _pairs(text: str) -> set[str]:
    spoken = "".join(c for c in text if c.isalnum())
    return {spoken[i : i + 2] for i in range(len(spoken) - 1)}
