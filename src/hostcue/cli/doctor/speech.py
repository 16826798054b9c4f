"""Whether what the host says can be heard: the extra, a model, the voice detector, and a try."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import anyio
import anyio.to_thread

from hostcue.cli.doctor.finding import Outcome
from hostcue.config import Settings
from hostcue.errors import SpeechMissing
from hostcue.model.sound import BYTES_PER_S
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.presets import PRESETS
from hostcue.speech.shelf import ModelFiles, Shelf, in_mb

EXTRA = "pip install 'hostcue[speech]'"
WITHIN_S = 60.0
"""Loading takes seconds, more on a slow disk."""


async def speech(settings: Settings, *, shelf: Shelf | None = None) -> Outcome[None]:
    """Have a second of silence listened to as a server would, in processes of its own."""
    if settings.speech == "off":
        return Outcome(None, "off (HOSTCUE_SPEECH)", facts={"speech": "off"})
    if find_spec("sherpa_onnx") is None:
        missed = "what the host says can't be written down"
        return Outcome(None, f"no sherpa-onnx: {missed} ({EXTRA})", facts={"engine": None})
    engine = f"sherpa-onnx {version('sherpa-onnx')}"
    find = partial((shelf or Shelf(settings.models_dir)).find, settings.speech_model)
    try:
        files = await anyio.to_thread.run_sync(find, abandon_on_cancel=True)
    except SpeechMissing as exc:
        found = f"{engine}, but {exc.message}"
        return Outcome(None, found, exc.remedy or "", {"engine": engine, "model": None})
    took_s = await _try(find, settings.speech_language)
    size = (await anyio.Path(files.model).stat()).st_size
    facts = {
        "engine": engine,
        "model": files.id,
        "family": files.family,
        "voice_detector": _origin(files),
        "first_answer_s": round(took_s, 1),
    }
    return Outcome(
        None,
        f"{engine} with {files.id} ({in_mb(size)}, {files.family}) and the voice detector "
        f"{_origin(files)}; loaded and tried in {took_s:.1f} s",
        facts=facts,
    )


async def _try(find: Callable[[], ModelFiles], language: str) -> float:
    """How long it takes from nothing to the first answer."""
    silence = bytes(BYTES_PER_S)
    began_s = anyio.current_time()
    async with SpeechEngine.open(find) as engine:
        ear = await engine.open_ear(PRESETS["fast"].segmenter, 0)
        await ear.look(silence)
        await ear.close()
        await engine.transcribe(silence, language=language, urgency="offline")
        return anyio.current_time() - began_s


def _origin(files: ModelFiles) -> str:
    """Where the voice detector is from, without the path, which can name a person."""
    if files.vad.parent == files.model.parent:
        return "beside it"
    installed = Path(files.vad).parts[-3:-1] == ("silero_vad", "data")
    return "of the package silero-vad" if installed else "silero-vad"
