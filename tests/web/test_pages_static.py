"""What the files of the pages hold, and what they must never hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from hostcue.comments.collector import CollectorState
from hostcue.model.comment import CommentKind
from hostcue.model.recording import RecordingState
from hostcue.model.room import Quality
from hostcue.model.segment import SegmentStatus
from hostcue.model.tip import TipSource, TipType
from hostcue.web import pages

WEB = Path(pages.__file__).parent
STATIC = WEB / "static"
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
SOURCES = {path: path.read_text() for path in FILES}
# keys made of a prefix and a code that the server sent
CODED = (
    "error",
    "evidence.count",
    "kind",
    "notice",
    "quality",
    "reason",
    "remedy",
    "says",
    "segment",
    "source",
    "state",
    "chat",
    "link",
    "type",
)


def dictionary(language: str) -> dict[str, str]:
    body = re.search(r"= (\{.*\});", SOURCES[STATIC / "js" / f"{language}.js"], re.DOTALL)
    assert body is not None
    texts: dict[str, str] = json.loads(body[1])
    return texts


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(dictionary("zh")) == list(dictionary("en"))


def test_both_languages_fill_in_the_same_values() -> None:
    zh, en = dictionary("zh"), dictionary("en")
    for key, text in zh.items():
        assert set(re.findall(r"\{\w+\}", text)) == set(re.findall(r"\{\w+\}", en[key])), key
        assert text.strip(), key
        assert en[key].strip(), key


def test_every_text_that_a_page_names_exists_and_every_text_is_named() -> None:
    known = set(dictionary("zh"))
    named: set[str] = set()
    for path, source in SOURCES.items():
        if path.suffix == ".html":
            named |= set(re.findall(r'data-t(?:-\w+)?="([^"]+)"', source))
        elif path.suffix == ".js" and path.stem not in {"zh", "en"}:
            named |= set(re.findall(r'"([a-z_]+(?:\.[a-zA-Z_]+)*)"', source)) & known
            named |= set(re.findall(r'\bt\("([^"]+)"', source))
    assert named <= known
    unnamed = {key for key in known - named if not key.startswith(tuple(f"{p}." for p in CODED))}
    assert unnamed == set()


@pytest.mark.parametrize(
    ("prefix", "codes"),
    [
        ("state", get_args(RecordingState)),
        ("chat", get_args(CollectorState)),
        ("quality", get_args(Quality)),
        ("segment", get_args(SegmentStatus)),
        ("source", get_args(TipSource)),
        ("type", get_args(TipType)),
        ("kind", get_args(CommentKind)),
    ],
)
def test_every_code_of_the_model_has_a_word(prefix: str, codes: tuple[str, ...]) -> None:
    assert {f"{prefix}.{code}" for code in codes} <= set(dictionary("zh"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_makes_markup_of_text_or_reaches_outside(path: Path) -> None:
    source = SOURCES[path].replace("http://www.w3.org/2000/svg", "")
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function"
    assert not re.search(forbidden, source)
    assert not re.search(r"https?://|(?:src|href)=[\"']//|@import|\burl\(", source)
    if path.suffix == ".html":
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", source)


def test_the_static_folder_holds_only_what_is_served() -> None:
    assert {path.suffix for path in FILES} == {".css", ".html", ".js", ".svg"}
