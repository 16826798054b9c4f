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


def test_the_browser_for_comments_is_named() -> None:
    outcome = machine.browser(sys.executable, "")
    assert f"Playwright {version('playwright')}" in outcome.found
    assert outcome.facts["browser"] == sys.executable
    assert outcome.remedy == ""


def test_a_browser_that_is_not_there_is_a_warning() -> None:
    outcome = machine.browser("/nowhere/chromium", "")
    assert "HOSTCUE_BROWSER_PATH" in outcome.found
    assert "HOSTCUE_BROWSER_CDP_URL" in outcome.remedy


def test_ones_own_browser_is_named_without_its_address() -> None:
    outcome = machine.browser("", "http://127.0.0.1:9222/?token=secret")
    assert "HOSTCUE_BROWSER_CDP_URL" in outcome.found
    assert "secret" not in outcome.found


def test_without_playwright_it_says_what_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hostcue.comments.douyin.browser_program.find_spec", lambda _: None)
    outcome = machine.browser("", "")
    assert "hostcue[browser]" in outcome.found
    assert outcome.remedy == ""
