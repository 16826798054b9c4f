"""What `hostcue doctor` says of the way round Douyin's refusals."""

from __future__ import annotations

import importlib.util
import sys
from importlib.metadata import version

import pytest

from hostcue.cli.doctor import machine


def test_streamlink_is_named_with_its_version() -> None:
    outcome = machine.platforms()
    assert f"streamlink {version('streamlink')}" in outcome.found
    assert outcome.facts["streamlink"] == version("streamlink")
    assert outcome.remedy == ""


def test_without_streamlink_it_says_what_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "streamlink" else found(name)
    )
    outcome = machine.streamlink()
    assert (outcome.value, outcome.remedy) == (None, "")
    assert "hostcue[streamlink]" in outcome.found


def test_a_broken_streamlink_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "streamlink.plugins.douyin", None)
    outcome = machine.streamlink()
    assert "can't be used" in outcome.found
    assert "hostcue[streamlink]" in outcome.remedy
