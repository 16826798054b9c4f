"""What the tests of speech share: a small model, built once, that nobody changes."""

from __future__ import annotations

import pytest
from speech_house import model_files
from tone_speech import ToneFiles, build_tone_model

from hostcue.speech.shelf import ModelFiles


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> ToneFiles:
    return build_tone_model(tmp_path_factory.mktemp("tones"))


@pytest.fixture(scope="session")
def model(tones: ToneFiles) -> ModelFiles:
    return model_files(tones)
