"""Where speech is cut: by hostcue's segmenter, and by sherpa-onnx's own detector.

Both get the same sound in the same pieces, and the same thresholds and limits. The detector's
model is the same too, so what differs is what is done with its answers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import anyio
import anyio.to_thread

from benchmarks.benchmark import progress
from benchmarks.processes import family
from benchmarks.report import Peer, Result
from benchmarks.speech_sound import Samples, Spoken, Voice, as_pcm, speak, without_a_pause
from hostcue.model.sound import SAMPLE_HZ
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.presets import PRESETS
from hostcue.speech.segmenter import Cut
from hostcue.speech.shelf import Shelf

_RULES = PRESETS["fast"].segmenter
_HEARD_MS = 60  # a frame of the recogniser: what begins later than that has lost a sound
_PIECE = SAMPLE_HZ * 2 // 5

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Cutting:
    """The stretches of some sound in milliseconds, and the CPU time it took, in seconds."""

    spans: Sequence[Span]
    cpu_s: float


async def cutting(voice: Voice, model: Path, seconds: int, unbroken_s: int) -> list[Result]:
    """Sentences with pauses, then somebody who makes none."""
    progress(f"where {seconds} s of sentences and {unbroken_s} s without a pause are cut")
    sentences = await anyio.to_thread.run_sync(speak, voice, seconds)
    unbroken = await anyio.to_thread.run_sync(without_a_pause, voice, unbroken_s)
    async with SpeechEngine.open(lambda: Shelf(model).find(str(model))) as engine:
        ours = [await _ours(engine, sound.samples) for sound in (sentences, unbroken)]
    theirs = [
        await anyio.to_thread.run_sync(_theirs, voice.detector, sound.samples)
        for sound in (sentences, unbroken)
    ]
    name = f"sherpa-onnx {metadata.version('sherpa-onnx')} VoiceActivityDetector"
    costs_s = [one[0].cpu_s / seconds for one in (ours, theirs)]
    clipped = [float(_clipped(sentences, one[0].spans)) for one in (ours, theirs)]
    longest_s = [max(map(_length_s, one[1].spans), default=0.0) for one in (ours, theirs)]
    limit_s = _RULES.hard_max_s
    there: dict[str, str | int] = {"sentences": len(sentences.sentences)}
    unpaused: dict[str, str | int] = {"limit_s": f"{limit_s:g}"}
    return [
        Result("clipped_first_syllables", clipped[0], "", there, 0, peer=Peer(name, clipped[1])),
        Result(
            "longest_stretch_s", longest_s[0], "s", unpaused, limit_s, peer=Peer(name, longest_s[1])
        ),
        Result("ear_cpu_s_per_s", costs_s[0], "", {}, 0.008, peer=Peer(name, costs_s[1]), digits=4),
    ]


async def _ours(engine: SpeechEngine, samples: Samples) -> _Cutting:
    ear = await engine.open_ear(_RULES, 0)
    before_s = _children_s()
    spans = []
    for piece in _pieces(samples):
        spans += [_span(cut) for cut in (await ear.look(as_pcm(piece))).cuts]
    spans += [_span(cut) for cut in (await ear.flush()).cuts]
    cpu_s = _children_s() - before_s
    await ear.close()
    return _Cutting(spans, cpu_s)


def _theirs(detector: Path, samples: Samples) -> _Cutting:
    import sherpa_onnx  # type: ignore[import-untyped] # ships no types

    told = sherpa_onnx.VadModelConfig()
    told.sample_rate = SAMPLE_HZ
    told.silero_vad.model = str(detector)
    told.silero_vad.threshold = _RULES.threshold
    told.silero_vad.min_silence_duration = _RULES.min_silence_s
    told.silero_vad.min_speech_duration = _RULES.min_speech_s
    told.silero_vad.max_speech_duration = _RULES.hard_max_s
    detecting = sherpa_onnx.VoiceActivityDetector(told, buffer_size_in_seconds=120)
    spans: list[Span] = []

    def take() -> None:
        while not detecting.empty():
            begin, count = detecting.front.start, len(detecting.front.samples)
            spans.append((_ms(begin), _ms(begin + count)))
            detecting.pop()

    before_s = time.thread_time()
    for piece in _pieces(samples):
        detecting.accept_waveform(piece)
        take()
    detecting.flush()
    take()
    return _Cutting(spans, time.thread_time() - before_s)


def _clipped(spoken: Spoken, spans: Sequence[Span]) -> int:
    """Sentences whose first sound is in no stretch."""
    return sum(
        not any(begin < start_ms + _HEARD_MS and end > start_ms for begin, end in spans)
        for start_ms, _ in spoken.sentences
    )


def _children_s() -> float:
    return sum(process.cpu_s for process in family(os.getpid())[1:])


def _pieces(samples: Samples) -> Iterator[Samples]:
    return (samples[at : at + _PIECE] for at in range(0, len(samples), _PIECE))


def _span(cut: Cut) -> Span:
    return _ms(cut.start), _ms(cut.end)


def _length_s(span: Span) -> float:
    return (span[1] - span[0]) / 1000


def _ms(count: int) -> float:
    return 1000 * count / SAMPLE_HZ
