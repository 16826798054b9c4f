"""What a room sells, as a host says it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostcue.model.comment import ProductChange
from hostcue.pipeline.live_audio_words import ProductWords, product_name
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.outbox import Outbox


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("【直播专享】夏季纯棉T恤 男女同款 宽松", "夏季纯棉T恤"),
        ("（现货）小白鞋，软底", "小白鞋"),
        ("2026 新款 羊毛大衣", "新款"),
        ("Dyson V12 吸尘器", "Dyson"),
        ("这是一个没有任何停顿也不知道要写到哪里去的名字", "这是一个没有任何停顿也不"),
        ("99 / 2", ""),
        ("【】", ""),
        ("", ""),
    ],
    ids=["bracketed", "comma", "year", "latin", "long", "numbers", "brackets", "empty"],
)
def test_of_a_title_the_part_that_people_say_is_taken(title: str, name: str) -> None:
    assert product_name(title) == name


async def test_the_newest_names_of_a_broadcast_are_known_over_restarts(tmp_path: Path) -> None:
    def change(number: int, room_id: str = "r") -> ProductChange:
        return ProductChange(room_id, 0, str(number), "", f"商品{'一二三四五'[number]}", "")

    async with Database.open(f"sqlite:///{tmp_path / 'hostcue.db'}") as database:
        comments = Comments(database)
        outbox = Outbox(database, comments)
        for number in range(2):
            await comments.product(change(number))
        words, changed = ProductWords(outbox, most=3), set[str]()
        database.on_commit(lambda events: changed.update(words.heard(events)))
        assert await words.recall("r") == ("商品一", "商品二")
        for item in (change(2), change(0), change(3), change(4, "other")):
            await comments.product(item)
        assert words.of("r") == ("商品三", "商品一", "商品四")
        assert changed == {"r"}
        words.forget("r")
        assert words.of("r") == ()
