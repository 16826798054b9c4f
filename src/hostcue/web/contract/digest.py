"""Body of `/api/comments/digest`."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from hostcue.model.digest import Bucket, Intent, Slot, Slots, Topic, Trend
from hostcue.model.digest_text import render
from hostcue.pipeline.digests import WindowDigest
from hostcue.web.contract.common import Answer, example

SlotCounts = dict[Slot, dict[str, int]]


class TopicBody(Answer):
    """Comments that ask or say the same; `label` is what `text` and a prompt call it."""

    label: str
    intent: Intent
    text: str
    count: int
    askers: int
    masked: int
    before: int | None
    trend: Trend | None
    slots: SlotCounts
    comment_ids: list[str]

    @classmethod
    def of(cls, number: int, topic: Topic) -> Self:
        """The topic in that place, from 1."""
        return cls(
            label=f"C{number}",
            intent=topic.intent,
            text=topic.text,
            count=topic.count,
            askers=topic.askers,
            masked=topic.masked,
            before=topic.before,
            trend=topic.trend,
            slots=_plain(topic.slots),
            comment_ids=list(topic.comment_ids),
        )


class BucketBody(Answer):
    """All lines of one intent."""

    intent: Intent
    count: int
    askers: int
    masked: int
    before: int | None
    trend: Trend | None

    @classmethod
    def of(cls, bucket: Bucket) -> Self:
        """From the digest."""
        return cls.model_validate(bucket, from_attributes=True)


class AskerBody(Answer):
    """Somebody who asks much, under a name for this window alone."""

    name: str
    questions: int
    intent: Intent


class DigestBody(Answer):
    """A window's comments, condensed.

    `total` is the sum of the buckets' counts, of the heat of votes, purchases and cheers, and of
    what was `set_aside`: lines of one viewer beyond the fifth. `askers` can be told apart,
    `masked` are lines of those who cannot. `end_ts` is earlier than asked for where there were
    more comments than are read; `coverage` is the share of the window in which comments were
    received.
    """

    model_config = example(
        room_id="7576912345678901234",
        start_ts=1764000000000,
        end_ts=1764000300000,
        coverage=1.0,
        total=14,
        askers=11,
        masked=0,
        set_aside=0,
        per_min=2.8,
        per_min_before=1.4,
        topics=[
            {
                "label": "C1",
                "intent": "shipping",
                "text": "发新疆包邮吗",
                "count": 12,
                "askers": 11,
                "masked": 0,
                "before": 4,
                "trend": "rising",
                "slots": {"city": {"新疆": 8, "西藏": 4}},
                "comment_ids": ["7576912345678909999"],
            }
        ],
        buckets=[
            {
                "intent": "shipping",
                "count": 12,
                "askers": 11,
                "masked": 0,
                "before": 4,
                "trend": "rising",
            }
        ],
        heat={"vote": 2},
        slots={"city": {"新疆": 8, "西藏": 4}},
        top_askers=[{"name": "观众A", "questions": 3, "intent": "shipping"}],
        text="弹幕 14 条，11 人，每分钟 2.8（上一段 1.4）\n类别：发货 12↑\n"
        "提到：新疆 8，西藏 4\n互动：扣1想要 2\n问得多：观众A 3 问（发货）\n"
        "C1 [shipping] 发新疆包邮吗 ×12 11人 ↑（新疆 8，西藏 4）",
    )
    room_id: str
    start_ts: int
    end_ts: int
    coverage: float = Field(ge=0, le=1)
    total: int
    askers: int
    masked: int
    set_aside: int
    per_min: float | None
    per_min_before: float | None
    topics: list[TopicBody]
    buckets: list[BucketBody]
    heat: dict[str, int]
    slots: SlotCounts
    top_askers: list[AskerBody]
    text: str

    @classmethod
    def of(cls, room_id: str, found: WindowDigest) -> Self:
        """From the flow."""
        digest = found.digest
        return cls(
            room_id=room_id,
            start_ts=found.window.start_ms,
            end_ts=found.window.end_ms,
            coverage=found.coverage,
            total=digest.total,
            askers=digest.askers,
            masked=digest.masked,
            set_aside=digest.set_aside,
            per_min=digest.per_min,
            per_min_before=digest.per_min_before,
            topics=[TopicBody.of(number, topic) for number, topic in enumerate(digest.topics, 1)],
            buckets=[BucketBody.of(bucket) for bucket in digest.buckets],
            heat=dict(digest.heat),
            slots=_plain(digest.slots),
            top_askers=[
                AskerBody.model_validate(asker, from_attributes=True) for asker in digest.top_askers
            ],
            text=render(digest),
        )


def _plain(slots: Slots) -> SlotCounts:
    return {slot: dict(values) for slot, values in slots.items()}
