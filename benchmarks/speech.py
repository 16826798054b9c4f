"""Speech: what listening costs, how soon a sentence is there, and what a file takes.

The model is as large as SenseVoice's published one and of random weights. Rooms, `hostcue serve`
and `hostcue transcribe` are processes of their own. Beside it sherpa-onnx's own detector of speech
on the same sound. See `docs/benchmarks.md`.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import anyio
import anyio.to_thread

from benchmarks.benchmark import Benchmark, progress
from benchmarks.options import adds, chosen
from benchmarks.report import Report, Result
from benchmarks.speech_live import Load, listening
from benchmarks.speech_model import full_size_model
from benchmarks.speech_offline import reading
from benchmarks.speech_segments import cutting
from benchmarks.speech_sound import Voice, find_voice
from hostcue import log

_PARTS = ("cut", "offline", "live")


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen; all above 0."""

    rooms: tuple[int, ...] = (1, 8)
    seconds: int = 60
    settle_s: float = 10.0
    file_s: int = 300
    unbroken_s: int = 60


_QUICK = Options(rooms=(1, 8), seconds=20, settle_s=5.0, file_s=60, unbroken_s=30)
_HELP = {
    "rooms": "how many rooms are listened to",
    "seconds": "for how long; 300 is what the goals are for",
    "settle_s": "seconds to wait before anything is counted",
    "file_s": "length of the file, of which all is heard",
    "unbroken_s": "for how long somebody speaks without a pause, for where speech is cut",
}


def _add_options(parser: argparse.ArgumentParser) -> None:
    adds(Options(), _HELP, "about 3 minutes")(parser)
    parser.add_argument(
        "--only", choices=_PARTS, nargs="+", default=_PARTS, help="these parts of it"
    )
    parser.add_argument(
        "--tones", action="store_true", help="tones instead of speech, and the tests' small model"
    )


async def _measure(given: Mapping[str, object]) -> Report:
    options = chosen(given, Options(), _QUICK)
    parts, tones = given["only"], bool(given["tones"])
    if not isinstance(parts, Sequence):
        raise TypeError("parts are several")
    log.setup(logging.WARNING)
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="hostcue-benchmark-") as place:
        folder = Path(place)
        voice = await anyio.to_thread.run_sync(lambda: find_voice(folder / "tones", tones=tones))
        model = await anyio.to_thread.run_sync(_model, voice, folder, tones)
        progress(f"the voice: {voice.name}; the model: {'small' if tones else 'full size'}")
        if "cut" in parts:
            results += await cutting(voice, model, options.seconds, options.unbroken_s)
        if "offline" in parts:
            results += await reading(voice, model, folder, options.file_s)
        if "live" in parts:
            load = Load(options.rooms, options.seconds, options.settle_s)
            results += await listening(voice, model, folder, load)
    told = {"only": list(parts), "voice": voice.name, "model": "tones" if tones else "random"}
    return Report("speech", {**asdict(options), **told}, results)


def _model(voice: Voice, folder: Path, tones: bool) -> Path:
    """A folder with a model, its symbols, and the detector that hears this voice."""
    if tones:
        return voice.detector.parent
    whole = folder / "model"
    whole.mkdir()
    for file in full_size_model().iterdir():
        shutil.copy(file, whole)
    shutil.copy(voice.detector, whole / "silero_vad.onnx")
    return whole


BENCHMARK = Benchmark(
    "speech: CPU and memory of listening, how soon a sentence comes, a file, where speech is cut",
    _add_options,
    _measure,
)
