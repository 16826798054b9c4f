"""What the files of the pages hold, and what they must never hold."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from hostcue.comments.bilibili.session import Outage
from hostcue.comments.collector import CollectorState
from hostcue.comments.douyin.chain import END_ANNOUNCED, LOST, STALLED
from hostcue.errors import (
    AnswerError,
    ConfigError,
    DeliveryFailed,
    EngineDied,
    HostcueError,
    ModelRefused,
    PrivateAddress,
    RecordingError,
    RoomError,
    SpeechMissing,
    StorageFailed,
    UpstreamError,
)
from hostcue.model.comment import CommentKind, Way
from hostcue.model.disk import PauseReason
from hostcue.model.notification import RECOVERY_OF, DeliveryState
from hostcue.model.recording import RecordingState
from hostcue.model.retention import DeletedBy, KeptBecause
from hostcue.model.room import Quality
from hostcue.model.schedule import DAYS
from hostcue.model.segment import SegmentStatus
from hostcue.model.speech import SpeechState
from hostcue.model.tip import TipSource, TipType
from hostcue.model.utterance import Flag, UtteranceSource
from hostcue.pipeline.disk import DiskWord
from hostcue.speech.sound_buffer import ENGINE, OVERLOAD
from hostcue.web import pages
from hostcue.web.contract.relay import STREAM_KINDS
from hostcue.web.contract.remedies import REMEDIES, SPEECH_REMEDIES

WEB = Path(pages.__file__).parent
STATIC = WEB / "static"
ROOT = Path(__file__).parents[2]
FILES = sorted(path for path in STATIC.rglob("*") if path.is_file())
SOURCES = {path: path.read_text() for path in FILES}
# keys made of a prefix and a code that the server sent
CODED = (
    "advice",
    "alarm",
    "day",
    "delivery",
    "disk",
    "disk.line",
    "error",
    "evidence.count",
    "fact.access",
    "hearing",
    "kept",
    "kind",
    "notice",
    "now",
    "quality",
    "reason",
    "remedy",
    "rule",
    "says",
    "segment",
    "source",
    "speech.event",
    "speech.flag",
    "speech.lacks",
    "speech.source",
    "state",
    "chat",
    "link",
    "type",
    "way",
)

# where else a code is born: the folder or file, and how it is written there
BORN = {
    "how a connection ends": ("recording", r'Ended\("(\w+)"'),
    "why libav fails": ("recording/endings.py", r'errno\.\w+: "(\w+)"'),
    "why a connection is taken up anew": ("recording/reconnect.py", r'^[A-Z_]+ = "(\w+)"'),
    "a gap's cause": ("recording/ledger.py", r'Gap\([^)]*"(\w+)"'),
    "a gap's cause after a restart": ("pipeline/recovery.py", r'Gap\(.*"(\w+)"\)'),
    "why a recording is where it is": ("pipeline", r'(?:note|_give_up|enter)\([^)]*"(\w+)"\)'),
    "why it is paused": ("pipeline", r'(?:gate\.close\(|^WRITE_FAILED = |^_DISK = )"(\w+)"'),
    "what a crash inside is called": ("pipeline/analysis.py", r'"(\w+)" if known is None'),
    "why a segment is not analysed": ("pipeline/analysis_queue.py", r'reason="(\w+)"'),
    "why a message was not sent": ("storage/deliveries.py", r'error="(\w+)"'),
    "why a message need not be sent": ("pipeline/sender.py", r'return "(\w+)"'),
    "why comments of a room wait": ("comments/douyin/session.py", r'^[A-Z_]+ = "(\w+)"'),
    "why no comments are sent": ("comments/ingest.py", r'"(ingest_\w+)"'),
    "why comments are left out": ("comments/backlog.py", r'Gap\([^)]*"(\w+)"'),
    "what a receiver did wrong": ("notifications", r'code="(\w+)"'),
}
WHY_A_COMMENT_CONNECTION_ENDED = {LOST, STALLED, END_ANNOUNCED, *get_args(Outage)}
INTERNAL = {"stop", "orphaned", "recovered"}  # last words of a worker that nobody is told
NOTICE = r'Notice\(\s*"(\w+)"'
NEVER_RAISED = {"error", "room", "upstream"}  # their kinds are
NOT_OF_ROUTES = (ConfigError, AnswerError, DeliveryFailed)
YET_OF_ROUTES = (SpeechMissing, ModelRefused)


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
        ("kind", (*get_args(CommentKind), *STREAM_KINDS)),
        ("way", get_args(Way)),
        ("advice", tuple(REMEDIES)),
        ("day", DAYS),
        ("disk", get_args(DiskWord)),
        ("reason", get_args(PauseReason)),
        ("reason", tuple(sorted(WHY_A_COMMENT_CONNECTION_ENDED))),
        ("hearing", get_args(SpeechState)),
        ("speech.flag", get_args(Flag)),
        ("speech.source", get_args(UtteranceSource)),
        ("rule", get_args(DeletedBy)),
        ("kept", get_args(KeptBecause)),
        ("delivery", get_args(DeliveryState)),
        ("alarm", (*RECOVERY_OF, *RECOVERY_OF.values(), "test")),
    ],
)
def test_every_code_of_the_model_has_a_word(prefix: str, codes: tuple[str, ...]) -> None:
    assert {f"{prefix}.{code}" for code in codes} <= set(dictionary("zh"))


@pytest.mark.parametrize("what", BORN)
def test_every_reason_that_is_born_somewhere_has_a_word(what: str) -> None:
    place, written = BORN[what]
    codes = found(place, written) - INTERNAL
    assert codes
    assert {f"reason.{code}" for code in codes} <= set(dictionary("zh"))


def test_whatever_keeps_the_host_from_being_heard_has_a_word_and_is_explained() -> None:
    explained = (ROOT / "docs" / "troubleshooting.md").read_text()
    why_it_ended = found("pipeline", r'\.end\(\s*"(\w+)"')
    assert why_it_ended
    for code in (OVERLOAD, ENGINE, EngineDied.code, *SPEECH_REMEDIES, *why_it_ended):
        assert {f"hearing.because.{code}", f"reason.{code}"} & set(dictionary("zh")), code
        assert f"`{code}`" in explained, code


def test_every_error_has_a_title_and_those_that_end_a_recording_a_reason() -> None:
    known = set(dictionary("zh"))
    told = [kind for kind in kinds_of(HostcueError) if kind.code not in NEVER_RAISED]
    ending = (RoomError, UpstreamError, RecordingError, StorageFailed, PrivateAddress)
    assert {f"error.{kind.code}" for kind in told if is_of_a_route(kind)} <= known
    assert {f"reason.{kind.code}" for kind in told if issubclass(kind, ending)} <= known


def test_every_notice_has_a_headline_and_a_remedy() -> None:
    codes = found("pipeline", NOTICE)
    assert len(codes) > 10
    known = set(dictionary("zh"))
    assert {f"{prefix}.{code}" for code in codes for prefix in ("notice", "remedy")} <= known


def test_whatever_can_go_wrong_is_explained() -> None:
    explained = (ROOT / "docs" / "troubleshooting.md").read_text()
    codes = set[str]().union(*(found(*born) for born in BORN.values())) - INTERNAL
    codes |= found("pipeline", NOTICE) | WHY_A_COMMENT_CONNECTION_ENDED
    told = [kind for kind in kinds_of(HostcueError) if is_of_a_route(kind)]
    codes |= {kind.code for kind in told} - NEVER_RAISED
    assert {code for code in codes if f"`{code}`" not in explained} == set()


def is_of_a_route(kind: type[HostcueError]) -> bool:
    return issubclass(kind, YET_OF_ROUTES) or not issubclass(kind, NOT_OF_ROUTES)


def kinds_of(kind: type[HostcueError]) -> list[type[HostcueError]]:
    return [kind, *(found for below in kind.__subclasses__() for found in kinds_of(below))]


def found(place: str, written: str) -> set[str]:
    """What a pattern finds in a file or a folder of the package."""
    path = WEB.parent / place
    files = [path] if path.is_file() else sorted(path.rglob("*.py"))
    texts = [file.read_text() for file in files]
    return {code for text in texts for code in re.findall(written, text, re.MULTILINE)}


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
