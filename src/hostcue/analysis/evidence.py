"""What a line rests on: short labels a model can write, and the real ids behind them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hostcue.model.segment import Segment
from hostcue.model.tip import Evidence, EvidencePack, FrameRef

_LABEL = re.compile(r"[CFS]\d+")


@dataclass(frozen=True, slots=True)
class Labels:
    """What was shown under which label: `C1` comments of a topic, `F1` a frame, `S1` speech."""

    comments: Mapping[str, tuple[str, ...]]
    frames: Mapping[str, FrameRef]
    speech: Mapping[str, str]

    def resolve(self, cited: Iterable[str]) -> Evidence:
        """The evidence behind labels, each once, in their order; unknown labels count for nothing.

        A model writes them in its own way: `c1`, `[C1]` and `弹幕C1` all mean C1.
        """
        known = dict.fromkeys(found for text in cited for found in _LABEL.findall(text.upper()))
        return Evidence(
            comments=tuple(
                dict.fromkeys(i for label in known for i in self.comments.get(label, ()))
            ),
            frames=tuple(self.frames[label] for label in known if label in self.frames),
            speech=tuple(self.speech[label] for label in known if label in self.speech),
        )


def label(pack: EvidencePack) -> Labels:
    """Labels for everything in the pack, counted from 1."""
    return Labels(
        comments={f"C{n}": topic.comment_ids for n, topic in enumerate(pack.digest.topics, 1)},
        frames={f"F{n}": FrameRef(f.id, f.at_ms) for n, f in enumerate(pack.frames, 1)},
        speech={f"S{n}": said.utterance_id for n, said in enumerate(pack.speech.lines, 1)},
    )


def nearest(labels: Labels) -> Evidence:
    """What a line rests on that names nothing: the moment it is written for.

    That is the newest frame; where there is none, the most pressing topic, then the newest
    utterance. Empty only if nothing was shown.
    """
    if labels.frames:
        return Evidence(frames=(list(labels.frames.values())[-1],))
    if labels.comments:
        return Evidence(comments=next(iter(labels.comments.values())))
    return Evidence(speech=tuple(labels.speech.values())[-1:])


def tags_of(segment: Segment) -> tuple[str, str]:
    """Platform and length, as every line carries them: `("douyin", "segment-5m")`.

    Below a minute the length is in seconds: `segment-20s`.
    """
    seconds = round((segment.window.end_ms - segment.window.start_ms) / 1000)
    length = f"{seconds}s" if seconds < 60 else f"{round(seconds / 60)}m"
    return segment.platform, f"segment-{length}"
