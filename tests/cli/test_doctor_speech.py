"""What `hostcue doctor` says of hearing the host."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import anyio
import pytest
from model_shop import detector, goods, shelf_of
from tone_speech import build_tone_model

from hostcue.cli.doctor.finding import Checks, Finding
from hostcue.cli.doctor.speech import EXTRA, speech
from hostcue.config import Settings
from hostcue.speech.intake import take_in
from hostcue.speech.shelf import Shelf

SMALL = goods("small")


def settings(folder: Path, **more: str) -> Settings:
    return Settings.only(
        {"HOSTCUE_DATA_DIR": str(folder / "data"), "HOSTCUE_SPEECH_MODEL": "small", **more}
    )


def shelf_in(folder: Path) -> Shelf:
    return shelf_of(folder / "data" / "models", SMALL, detector())


async def found(given: Settings, shelf: Shelf | None = None) -> Finding:
    checks = Checks(lambda _: None)
    await checks.run("speech", lambda: speech(given, shelf=shelf), within_s=90)
    return checks.findings[0]


async def test_a_model_is_loaded_and_tried_in_processes_of_its_own(tmp_path: Path) -> None:
    files = build_tone_model(tmp_path / "tones")
    with anyio.fail_after(90):
        finding = await found(settings(tmp_path, HOSTCUE_SPEECH_MODEL=str(files.folder)))
    assert (finding.verdict, finding.remedy) == ("ok", ""), finding.found
    assert "with tones (0.1 MB, sensevoice)" in finding.found
    assert "loaded and tried in" in finding.found
    assert finding.facts["voice_detector"] == "beside it"


async def test_without_the_extra_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        "hostcue.cli.doctor.speech.find_spec",
        lambda name: None if name == "sherpa_onnx" else real(name),
    )
    finding = await found(settings(tmp_path))
    assert finding.verdict == "ok"
    assert EXTRA in finding.found


async def test_what_is_switched_off_is_not_tried(tmp_path: Path) -> None:
    finding = await found(settings(tmp_path, HOSTCUE_SPEECH="off"))
    assert (finding.verdict, finding.remedy) == ("ok", "")
    assert "HOSTCUE_SPEECH" in finding.found


async def test_a_missing_model_is_a_warning_with_the_command_and_its_size(tmp_path: Path) -> None:
    finding = await found(settings(tmp_path), shelf_in(tmp_path))
    assert finding.verdict == "warn"
    assert "the model small is not there" in finding.found
    assert finding.remedy == "hostcue models pull small (0.2 MB)"
    assert list(tmp_path.iterdir()) == [], "looking makes no folders"


async def test_a_missing_detector_is_a_warning(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)
    take_in(shelf, SMALL.lay(tmp_path / "stick"))
    finding = await found(settings(tmp_path), shelf)
    assert finding.verdict == "warn"
    assert "hostcue models pull silero-vad" in finding.remedy


async def test_a_damaged_model_fails(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)
    take_in(shelf, SMALL.lay(tmp_path / "stick"))
    (shelf.place("small", "r1") / "model.int8.onnx").write_bytes(b"cut")
    finding = await found(settings(tmp_path), shelf)
    assert finding.verdict == "fail"
    assert "damaged" in finding.found
    assert "hostcue models pull small" in finding.remedy


async def test_a_model_that_cannot_be_loaded_fails_without_harm(tmp_path: Path) -> None:
    files = build_tone_model(tmp_path / "tones")
    files.model.write_bytes(files.vad.read_bytes())
    finding = await found(settings(tmp_path, HOSTCUE_SPEECH_MODEL=str(files.folder)))
    assert finding.verdict == "fail"
    assert "model.int8.onnx" in finding.found
    assert finding.remedy
