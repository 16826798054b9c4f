"""How rooms are listened to, by the settings."""

from __future__ import annotations

from pathlib import Path

import pytest
from tone_speech import build_tone_model

from hostcue.config import Settings
from hostcue.errors import ConfigError, ModelRefused, SpeechMissing
from hostcue.speech.shelf import Shelf
from hostcue.wiring.speech import look_up


def test_everything_has_a_default() -> None:
    settings = Settings.only({})
    assert (settings.speech, settings.speech_profile, settings.speech_language) == (
        "auto",
        "fast",
        "zh",
    )
    assert (settings.speech_partials, settings.speech_workers, settings.max_listening) == (
        False,
        1,
        8,
    )


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOSTCUE_SPEECH", "maybe"),
        ("HOSTCUE_SPEECH_PROFILE", "offline"),
        ("HOSTCUE_SPEECH_LANGUAGE", "de"),
        ("HOSTCUE_SPEECH_WORKERS", "0"),
        ("HOSTCUE_MAX_LISTENING", "0"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_by_name(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        Settings.load()
    assert caught.value.field == variable


def test_what_is_there_of_a_model_is_told_apart(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "models", installed_vad=lambda: None)
    nothing = look_up(shelf, "sensevoice-int8")
    assert (nothing.model_found, nothing.vad_found) == (False, False)
    assert isinstance(nothing.error, SpeechMissing)
    files = build_tone_model(tmp_path / "tones")
    all_of_it = look_up(shelf, str(files.folder))
    assert (all_of_it.model_found, all_of_it.vad_found, all_of_it.error) == (True, True, None)
    files.tokens.unlink()
    assert isinstance(look_up(shelf, str(files.folder)).error, ModelRefused)
