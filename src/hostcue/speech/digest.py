"""A window's speech, condensed for a prompt."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import get_args

from hostcue.model.quote import quote
from hostcue.model.speech_digest import (
    BUDGET_CHARS,
    SoundEvent,
    SpeechDigest,
    SpokenLine,
    header,
    line,
)
from hostcue.model.utterance import Utterance
from hostcue.model.window import Window

_SENTENCE_CHARS = 120
_SHORTEST_LINE = 14  # label, time and two characters
_NUMBER = "[0-9〇零一二两三四五六七八九十百千万半]"
_MATTERS = re.compile(
    r"价|钱|优惠|便宜|券|折|划算|到手|福利|满减|买一送|赠|立减|¥"
    r"|尺码|码数|[大中小均断]码|身高|体重|公斤|厘米|cm|kg|偏[大小]|显瘦|[腰胸臀]围|[裤衣袖]长"
    r"|发货|快递|物流|包邮|运费|邮费|顺丰|到货|发往|送到"
    r"|库存|现货|有货|没货|预售|补货|返场|上链接|下单|最后|卖完|售罄|拍完|秒"
    r"|链接|小黄车|购物车|面料|材质|成分|颜色|色号|纯棉|真丝|羊毛|质量|正品|产地|保质期"
    r"|这[款件条双套]|那[款件条双套]|新款|退|换货|售后|质保"
    rf"|{_NUMBER}(?:元|块|毛|号|码|斤|件|单|折|克|毫升|ml|片|瓶|盒|天|小时)",
    re.IGNORECASE,
)


def digest(
    utterances: Iterable[Utterance],
    window: Window,
    *,
    coverage: float | None,
    speech_s: float | None = None,
    budget: int = BUDGET_CHARS,
) -> SpeechDigest:
    """What was said in a window, in no more than `budget` characters as `render` writes it.

    Of too much, what is about price, size, shipping, stock or a product is kept first, then what
    was said last and first by turns; what is flagged goes before all else. An utterance belongs
    to the window that it begins in. `coverage` is the share of the window that was listened to,
    `speech_s` how long somebody spoke; by the utterances' times if it is not given.
    """
    said = _once_each(utterances, window)
    span_s = (window.end_ms - window.start_ms) / 1000 * (1 if coverage is None else coverage)
    if speech_s is None:
        speech_s = _spoken_s(said, window)
    named = Counter(u.event for u in said)
    outline = SpeechDigest(
        total=len(said),
        left_out=len(said),
        coverage=coverage,
        speaking=min(1.0, speech_s / span_s) if span_s > 0 and said else None,
        events={event: named[event] for event in get_args(SoundEvent) if named[event]},
    )
    kept = _that_fit(said, window, budget - len(header(outline)))
    return SpeechDigest(
        lines=tuple(kept[place] for place in sorted(kept)),
        total=outline.total,
        left_out=len(said) - len(kept),
        coverage=coverage,
        speaking=outline.speaking,
        events=outline.events,
    )


def _once_each(utterances: Iterable[Utterance], window: Window) -> list[Utterance]:
    """Those of the window, oldest first; the same words at the same time are said once."""
    ids = {u.id: u for u in utterances if u.start_ms in window}
    kept: list[Utterance] = []
    last: dict[str, int] = {}
    for utterance in sorted(ids.values(), key=lambda u: (u.start_ms, u.end_ms, u.id)):
        if not utterance.text.strip() or last.get(utterance.text, -1) > utterance.start_ms:
            continue
        last[utterance.text] = utterance.end_ms
        kept.append(utterance)
    return kept


def _spoken_s(said: Sequence[Utterance], window: Window) -> float:
    """How long somebody spoke; what overlaps counts once."""
    total_ms, done_ms = 0, window.start_ms
    for utterance in said:
        end_ms = min(utterance.end_ms, window.end_ms)
        total_ms += max(0, end_ms - max(utterance.start_ms, done_ms))
        done_ms = max(done_ms, end_ms)
    return total_ms / 1000


def _that_fit(said: Sequence[Utterance], window: Window, left: int) -> dict[int, SpokenLine]:
    """What there is room for, by place in `said`."""
    kept: dict[int, SpokenLine] = {}
    for place in _most_telling_first(said):
        if left < _SHORTEST_LINE:
            break
        utterance = said[place]
        text = quote(utterance.text, _SENTENCE_CHARS)
        told = SpokenLine(utterance.id, (utterance.start_ms - window.start_ms) // 1000, text)
        length = len(line(len(said), told)) + 1  # no label is longer than the last one's
        if text and length <= left:
            left -= length
            kept[place] = told
    return kept


def _most_telling_first(said: Sequence[Utterance]) -> Iterator[int]:
    tiers: tuple[list[int], list[int], list[int]] = ([], [], [])
    for place, utterance in enumerate(said):
        plain = 2 if utterance.flags else 0 if _MATTERS.search(utterance.text) else 1
        tiers[plain].append(place)
    for tier in tiers:
        yield from _from_both_ends(tier)


def _from_both_ends(places: Sequence[int]) -> Iterator[int]:
    """The last, the first, the last but one, and so on."""
    for number in range(len(places)):
        yield places[number // 2] if number % 2 else places[-1 - number // 2]
