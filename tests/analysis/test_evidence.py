"""Labels, tags, and what a line rests on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from hostcue.analysis.evidence import label, nearest, tags_of
from hostcue.model.digest import Topic
from hostcue.model.tip import Evidence, EvidencePack, FrameRef

PackMaker = Callable[..., EvidencePack]
TOPIC = Topic("price", "多少钱", 2, 2, ("c1", "c2"))


@pytest.mark.parametrize(
    ("seconds", "tag"),
    [
        (300, "segment-5m"),
        (299.7, "segment-5m"),
        (59.6, "segment-1m"),
        (20, "segment-20s"),
        (2, "segment-2s"),
        (3600, "segment-60m"),
    ],
)
def test_the_tag_tells_the_length(make_pack: PackMaker, seconds: float, tag: str) -> None:
    assert tags_of(make_pack(seconds=seconds).segment) == ("douyin", tag)


def test_the_moment_is_the_newest_frame_else_the_first_topic_else_the_last_words(
    make_pack: PackMaker,
) -> None:
    full = make_pack(frames=2, topics=[TOPIC], said=["一", "二"])
    assert nearest(label(full)) == Evidence(frames=(FrameRef("rec-0-1", full.frames[1].at_ms),))
    assert nearest(label(make_pack(topics=[TOPIC], said=["一"]))) == Evidence(("c1", "c2"))
    assert nearest(label(make_pack(said=["一", "二"]))) == Evidence(speech=("u1",))
    assert nearest(label(make_pack())) == Evidence()
