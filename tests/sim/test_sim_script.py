"""The scripted audience: enough to read, and the same each time."""

from __future__ import annotations

import re
from collections import Counter
from itertools import islice, takewhile

import pytest

from hostcue.sim.script import Line, selling_session


def timed(lines: list[Line]) -> list[tuple[float, Line]]:
    at_s, found = 0.0, []
    for line in lines:
        at_s += line.delay_s
        found.append((at_s, line))
    return found


MINUTES = [
    (at_s, line) for at_s, line in timed(list(islice(selling_session(), 1700))) if at_s < 9 * 60
]


@pytest.mark.parametrize("start_s", range(0, 480, 20))
def test_a_minute_holds_more_than_sixty_different_comments(start_s: int) -> None:
    texts = [x.text for at_s, x in MINUTES if start_s <= at_s < start_s + 60 and x.kind == "chat"]
    assert len(set(texts)) >= 60
    assert len(texts) > len(set(texts))  # and some are asked word for word again


def test_everything_that_happens_in_a_room_happens() -> None:
    kinds = Counter(line.kind for _, line in MINUTES)
    assert set(kinds) == {"chat", "like", "enter", "follow", "gift", "product"}
    text = "\n".join(line.text for _, line in MINUTES)
    for asked in (
        "多少钱",
        "穿什么码",
        "发货",
        "有货",
        "扣1",
        "666",
        "骗人|开胶|全网最低",
        "忽略以上",
    ):
        assert re.search(asked, text), asked


def test_price_and_size_are_asked_most() -> None:
    chats = [line.text for _, line in MINUTES if line.kind == "chat"]
    price = sum(bool(re.search("多少钱|价|券", text)) for text in chats)
    size = sum(bool(re.search(r"穿什么码|选多大|几码|偏大|脚宽|尺码", text)) for text in chats)
    assert price > len(chats) / 6
    assert size > len(chats) / 6


def test_a_seed_is_a_session() -> None:
    first, again, other = (list(islice(selling_session(seed=s), 300)) for s in (1, 1, 2))
    assert first == again
    assert first != other


def test_pace_shortens_every_delay() -> None:
    slow, fast = (list(islice(selling_session(pace=pace), 200)) for pace in (1.0, 10.0))
    assert sum(x.delay_s for x in slow) == pytest.approx(10 * sum(x.delay_s for x in fast))
    assert list(takewhile(lambda pair: pair[0].text == pair[1].text, zip(slow, fast, strict=True)))
