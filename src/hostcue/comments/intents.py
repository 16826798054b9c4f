"""What viewers of a selling room ask about, and how they put it: read from a file."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast, get_args

from hostcue.comments.patterns import checked
from hostcue.errors import ConfigError
from hostcue.model.digest import Intent

if TYPE_CHECKING:
    from yaml import Node

Heat = Literal["vote", "purchase", "cheer"]

_LARGEST_BYTES = 256 * 1024
_MOST_ENTRIES = 500
_INTENTS: tuple[Intent, ...] = tuple(name for name in get_args(Intent) if name != "other")
_HEATS: tuple[Heat, ...] = get_args(Heat)
_SECTIONS = ("intents", "questions", "heat", "fillers", "places")
_SETTING = "HOSTCUE_INTENTS_FILE"
_CAPITAL = re.compile(r"\\.|[^\W\d_]")

Pattern = re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Intents:
    """How to read a comment, normalised and no longer than `READ_CHARS`.

    `intents` are in the order of the file, each with its words and its patterns apart: words
    alone are found faster. The groups of `heat` are named after its buckets.
    """

    intents: Sequence[tuple[Intent, Pattern]]
    questions: Pattern
    heat: Pattern
    fillers: Pattern
    places: Pattern

    def intent_of(self, text: str) -> Intent:
        """The matter a comment is about."""
        for name, pattern in self.intents:
            if pattern.search(text) is not None:
                return name
        return "other"

    def asks(self, text: str) -> bool:
        """Whether a comment is a question."""
        return self.questions.search(text) is not None

    def heat_of(self, text: str) -> Heat | None:
        """What a comment that asks nothing adds to; None if it says more.

        Marks and emoji are gone from `text`, so that a comment of emoji alone is an empty one.
        """
        found = self.heat.fullmatch(text)
        if found is not None:
            return cast("Heat", found.lastgroup)
        return "cheer" if len(text) < 2 else None


@functools.cache
def packaged() -> Intents:
    """Those that come with hostcue."""
    source = resources.files(__package__) / "intents.yaml"
    nothing = re.compile(r"(?!)")
    empty = Intents((), nothing, nothing, nothing, nothing)
    return _read(source.read_text("utf-8"), "intents.yaml", empty)


def read_intents(path: Path) -> Intents:
    """Those of the user's own file, with the packaged ones for the sections it leaves out.

    Raises:
        ConfigError: the file can't be read or used; names the line and the bucket.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(_LARGEST_BYTES + 1)
        if len(raw) > _LARGEST_BYTES:
            raise _unusable(f"{path.name} is larger than {_LARGEST_BYTES // 1024} KiB")
        text = raw.decode("utf-8-sig")
    except OSError as exc:
        raise _unusable(f"{path} can't be read: {exc.strerror}") from None
    except UnicodeDecodeError:
        raise _unusable(f"{path.name} is not UTF-8") from None
    return _read(text, path.name, packaged())


def _read(text: str, name: str, rest: Intents) -> Intents:
    reader = _Reader(name)
    sections = reader.mapping(_composed(text, name), "the file", _SECTIONS)
    if (node := sections.get("intents")) is not None:
        buckets = reader.buckets(node, "intents", _INTENTS)
        split = [
            (cast("Intent", name), pattern)
            for name, found in buckets.items()
            for pattern in _words_apart(found)
        ]
        rest = replace(rest, intents=split)
    if (node := sections.get("questions")) is not None:
        rest = replace(rest, questions=_any_of(reader.entries(node, "questions")))
    if (node := sections.get("heat")) is not None:
        buckets = reader.buckets(node, "heat", _HEATS)
        named = (f"(?P<{name}>{_any_of(found).pattern})" for name, found in buckets.items())
        rest = replace(rest, heat=re.compile("|".join(named)))
    if (node := sections.get("fillers")) is not None:
        rest = replace(rest, fillers=_any_of(reader.entries(node, "fillers")))
    if (node := sections.get("places")) is not None:
        rest = replace(rest, places=reader.places(node))
    return rest


def _composed(text: str, name: str) -> Node:
    import yaml

    try:
        node = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        line = "" if exc.problem_mark is None else f" line {exc.problem_mark.line + 1}:"
        raise _unusable(f"{name}{line} is no YAML: {exc.problem}") from None
    except (yaml.YAMLError, RecursionError) as exc:
        raise _unusable(f"{name} is no YAML: {type(exc).__name__}") from None
    if node is None:
        raise _unusable(f"{name} is empty")
    return node


class _Reader:
    """Reads nodes of one file; what is wrong is told with its line and bucket."""

    def __init__(self, name: str) -> None:
        self._name = name

    def mapping(self, node: Node, where: str, known: Sequence[str]) -> dict[str, Node]:
        from yaml import MappingNode, ScalarNode

        if not isinstance(node, MappingNode):
            raise self._wrong(node, where, "must be names with a colon, each with its entries")
        found: dict[str, Node] = {}
        for key, value in node.value:
            key_name = key.value if isinstance(key, ScalarNode) else "?"
            if key_name not in known:
                choice = ", ".join(known)
                raise self._wrong(key, where, f"has no {key_name!r}; choose from {choice}")
            if key_name in found:
                raise self._wrong(key, where, f"has {key_name!r} twice; put them together")
            found[key_name] = value
        return found

    def entries(self, node: Node, bucket: str) -> list[str]:
        from yaml import ScalarNode, SequenceNode

        if not isinstance(node, SequenceNode) or not node.value:
            raise self._wrong(node, bucket, "must be a list with at least one entry")
        if len(node.value) > _MOST_ENTRIES:
            raise self._wrong(node, bucket, f"has more than {_MOST_ENTRIES} entries")
        found: list[str] = []
        for item in node.value:
            if not isinstance(item, ScalarNode):
                raise self._wrong(item, bucket, "has an entry that is no word; put '..' around it")
            try:
                found.append(checked(item.value))
            except ValueError as exc:
                raise self._wrong(item, bucket, f"entry {item.value[:40]!r} {exc}") from None
        return found

    def buckets(self, node: Node, section: str, known: Sequence[str]) -> dict[str, list[str]]:
        named = self.mapping(node, section, known)
        if not named:
            raise self._wrong(node, section, "must hold at least one bucket")
        return {name: self.entries(value, f"{section}: {name}") for name, value in named.items()}

    def places(self, node: Node) -> Pattern:
        names = self.entries(node, "places")
        for item, name in zip(node.value, names, strict=True):
            if len(name) < 2 or not name.isalnum():
                raise self._wrong(item, "places", f"{name[:40]!r} is no name of two letters")
        longest_first = sorted(map(str.lower, names), key=len, reverse=True)
        return re.compile("|".join(longest_first))

    def _wrong(self, node: Node, bucket: str, what: str) -> ConfigError:
        return _unusable(f"{self._name} line {node.start_mark.line + 1}, {bucket}: {what}")


def _any_of(entries: Sequence[str]) -> Pattern:
    """One pattern for all; texts are in lower case, so that the engine need not compare cases."""
    return re.compile("|".join(f"(?:{_CAPITAL.sub(_lower, entry)})" for entry in entries))


def _words_apart(entries: Sequence[str]) -> tuple[Pattern, ...]:
    """All words in one pattern, each pattern alone: so the engine skips what can't begin one."""
    words = [entry for entry in entries if entry.isalnum()]
    patterns = [[entry] for entry in entries if not entry.isalnum()]
    return tuple(_any_of(each) for each in (words, *patterns) if each)


def _lower(found: re.Match[str]) -> str:
    return found[0] if found[0][0] == "\\" else found[0].lower()


def _unusable(message: str) -> ConfigError:
    return ConfigError(
        message,
        field=_SETTING,
        remedy="mend the file, or unset HOSTCUE_INTENTS_FILE to use the packaged words",
    )
