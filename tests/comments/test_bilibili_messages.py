"""What each command of Bilibili's becomes."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.bilibili.clock import PlatformClock
from hostcue.comments.bilibili.counts import GiftCombos, Likes
from hostcue.comments.bilibili.inbox import Inbox
from hostcue.model.comment import Comment, LiveEvent, RoomControl, RoomStats
from hostcue.sim.bilibili.commands import Command, Person, Writer
from hostcue.sim.bilibili.packets import messages

NOW_MS = 1_764_060_000_000
WANG = Person(5_201_314, "爱吃瓜的小王")


class Read:
    """An inbox, and what it made of commands."""

    def __init__(self) -> None:
        self.inbox = Inbox("room")
        self.writer = Writer(22_637_261)

    def __call__(
        self, *commands: Mapping[str, object], at_ms: int | None = None
    ) -> list[LiveEvent]:
        frame = messages(commands, compress=True)
        return list(self.inbox.read_frame(frame, at_ms or self.writer.now_ms()).events)

    def one(self, command: Command) -> Comment:
        (event,) = self(command)
        assert isinstance(event, Comment)
        return event


@pytest.fixture
def read() -> Read:
    return Read()


def counts(events: list[LiveEvent]) -> list[int]:
    return [int(event.metadata["count"]) for event in events if isinstance(event, Comment)]


def test_a_chat_line_has_its_writer_its_time_and_its_own_id(read: Read) -> None:
    comment_id, command = read.writer.chat(WANG, "包邮吗")
    comment = read.one(command)
    assert comment.id == comment_id
    assert (comment.user, comment.viewer, comment.content) == (WANG.name, "5201314", "包邮吗")
    assert abs(comment.ts_ms - read.writer.now_ms()) < 5000
    assert comment.metadata == {"level": "12", "club": "粉丝团", "club_level": "21"}


def test_an_old_form_without_any_id_is_known_by_time_random_number_and_checksum(read: Read) -> None:
    old = Writer(1, old_forms=True)
    comment_id, command = old.chat(WANG, "包邮吗")
    assert read.one(command).id == comment_id
    assert read(command) == []
    assert read.inbox.tally.repeated == 1


def test_the_id_in_dm_v2_serves_where_extra_has_none(read: Read) -> None:
    _, command = Writer(1, old_forms=True).chat(WANG, "几号链接")
    assert read.one(command | {"dm_v2": "CgZhYmMxMjM="}).id == "abc123"


def test_a_command_with_numbers_behind_its_name_is_the_same_command(read: Read) -> None:
    _, command = read.writer.chat(WANG, "在吗")
    assert read.one(command | {"cmd": "DANMU_MSG:4:0:2:2:2:0"}).content == "在吗"


def test_a_masked_viewer_is_nobody_in_particular(read: Read) -> None:
    _, command = read.writer.chat(WANG.masked, "有货吗")
    comment = read.one(command)
    assert (comment.user, comment.viewer) == ("爱***", "")


def test_emoticons_voices_and_paid_lines_say_their_form(read: Read) -> None:
    _, emoji = read.writer.chat(WANG, "[花]", dm_type=1)
    _, voice = read.writer.chat(WANG, "汤，下午好", dm_type=2)
    paid = read.writer.super_chat(WANG, "主播看看我", 30)
    forms = [read.one(command).metadata["form"] for command in (emoji, voice, paid)]
    assert forms == ["emoji", "audio", "screen"]
    assert read(paid) == []
    comment = read.one(read.writer.super_chat(WANG, "再来", 50))
    assert (comment.kind, comment.content, comment.metadata["price_cny"]) == ("chat", "再来", "50")


@pytest.mark.parametrize("summary_first", [True, False])
def test_a_combo_and_its_summaries_count_each_gift_once(read: Read, summary_first: bool) -> None:
    events: list[LiveEvent] = []
    for step in range(1, 6):
        gift = read.writer.gift(WANG, "小花花", 1, combo_id="batch:gift:combo_id:1")
        summary = read.writer.combo(WANG, "小花花", step, combo_id="batch:gift:combo_id:1")
        events += read(*((summary, gift) if summary_first else (gift, summary)))
    assert sum(counts(events)) == 5


def test_a_summary_makes_up_for_gifts_that_got_lost_and_a_repeated_gift_for_nothing(
    read: Read,
) -> None:
    combo = "batch:gift:combo_id:2"
    read.writer.gift(WANG, "小花花", 3, combo_id=combo)
    second = read.writer.gift(WANG, "小花花", 1, combo_id=combo)
    assert counts(read(second, second)) == [1]
    assert counts(read(read.writer.combo(WANG, "小花花", 4, combo_id=combo))) == [3]
    assert read(read.writer.combo(WANG, "小花花", 4, combo_id=combo)) == []


def test_gifts_outside_a_combo_and_memberships_are_counted_as_they_come(read: Read) -> None:
    gift = read.one(read.writer.gift(WANG, "牛哇牛哇", 2))
    assert gift.metadata == {
        "gift_id": "31036",
        "gift_name": "牛哇牛哇",
        "count": "2",
        "gold": "200",
    }
    guard = read.writer.plain(
        "GUARD_BUY", uid=9, username="舰长甲", gift_name="舰长", gift_id=10003, num=1, price=198000
    )
    bought = read.one(guard)
    assert (bought.kind, bought.user, bought.viewer) == ("gift", "舰长甲", "9")


def test_gifts_in_protobuf_are_those_in_json(read: Read) -> None:
    flower = b"\x08\x9c\xf2\x01" + text(2, "小花花") + b"\x18\x02\x28\x64"
    flower += text(8, "gold") + text(9, "t1")
    box = text(2, "盲盒") + b"\x18\x01" + text(9, "t2")
    body = b"\x08\x09" + text(2, "甲") + text(10, flower) + text(10, box)
    command = read.writer.plain("SEND_GIFT_V2", pb=b64encode(body).decode())
    first, second = read(command)
    assert isinstance(first, Comment)
    assert isinstance(second, Comment)
    assert (first.id, first.user, first.viewer) == ("gift-t1", "甲", "9")
    assert first.metadata["count"] == "2"
    assert first.metadata["gold"] == "200"
    assert second.content == "盲盒"


def text(field: int, value: str | bytes) -> bytes:
    """A length-delimited protobuf field."""
    data = value.encode() if isinstance(value, str) else value
    return bytes((field << 3 | 2, len(data))) + data


@pytest.mark.parametrize("old", [True, False])
def test_who_enters_follows_or_shares_is_told_in_both_forms(read: Read, old: bool) -> None:
    writer = Writer(1, old_forms=old)
    kinds = [read.one(writer.interaction(WANG, number)).kind for number in (1, 2, 3)]
    assert kinds == ["enter", "follow", "share"]
    again = writer.interaction(Person(9, "甲"), 2)
    comment = read.one(again)
    assert (comment.user, comment.viewer) == ("甲", "9")
    assert abs(comment.ts_ms - writer.now_ms()) < 5000
    assert read(again) == []


def test_likes_add_up_to_what_the_platform_counts(read: Read) -> None:
    def total(number: int) -> Command:
        return read.writer.plain("LIKE_INFO_V3_UPDATE", click_count=number)

    assert read(total(1000)) == []
    assert counts(read(read.writer.like(WANG), read.writer.like(WANG))) == [1, 1]
    assert counts(read(total(1007))) == [5]
    assert read(total(1007)) == []


@given(st.lists(st.integers(0, 3), max_size=30))
def test_likes_with_and_without_viewer_are_never_counted_twice(steps: list[int]) -> None:
    likes, total, told = Likes(), 100, 0
    likes.summed_up(total)
    for silent in steps:
        told += likes.clicked()
        total += 1 + silent
        told += likes.summed_up(total)
    assert told == total - 100


@given(st.permutations([("gift", 1), ("gift", 1), ("gift", 1), ("sum", 1), ("sum", 2), ("sum", 3)]))
def test_gifts_and_summaries_in_any_order_are_never_more_than_there_were(
    steps: list[tuple[str, int]],
) -> None:
    combos = GiftCombos()
    added = sum(
        combos.sent("c", number) if what == "gift" else combos.summed_up("c", number)
        for what, number in steps
    )
    assert added == 3


def test_numbers_of_viewers_come_together(read: Read) -> None:
    watched = read.writer.plain("WATCHED_CHANGE", num=22097, text_small="2.2万")
    online = read.writer.plain("ONLINE_RANK_COUNT", count=100, online_count=1234)
    stats = read(watched, online)[-1]
    assert isinstance(stats, RoomStats)
    assert (stats.online, stats.total) == (1234, 22097)


def test_the_hosts_coming_and_going_is_told(read: Read) -> None:
    events = read(read.writer.state("LIVE"), read.writer.state("PREPARING"))
    assert [e.action for e in events if isinstance(e, RoomControl)] == ["resumed", "ended"]


def test_what_nobody_reads_or_does_not_fit_is_counted(read: Read) -> None:
    read(read.writer.plain("NOTICE_MSG"), {"cmd": "DANMU_MSG", "info": {}}, {"cmd": "SEND_GIFT"})
    assert read.inbox.tally.unknown == {"NOTICE_MSG": 1}
    assert read.inbox.tally.unreadable == {"DANMU_MSG": 1, "SEND_GIFT": 1}


def test_times_come_in_any_unit_and_wrong_clocks_are_measured() -> None:
    clock = PlatformClock()
    for told in (NOW_MS // 1000, NOW_MS, NOW_MS * 1000, NOW_MS * 10**6):
        assert clock.when(told, NOW_MS + 5) == NOW_MS
    assert clock.when(0, NOW_MS) == NOW_MS
    assert clock.when(1, NOW_MS) == NOW_MS
    for delay_ms in (300, 20, 5000):
        clock.hear(NOW_MS + 3_600_000, NOW_MS + delay_ms)
    assert clock.skew_ms == 3_600_000 - 20
    assert clock.when(NOW_MS + 3_600_000, NOW_MS + 50) == NOW_MS + 20


def test_absurd_numbers_spoil_no_sum(read: Read) -> None:
    gift = read.writer.gift(WANG, "小花花", 1 << 62, combo_id="batch:gift:combo_id:3")
    read(read.writer.plain("LIKE_INFO_V3_UPDATE", click_count=1))
    likes = read.writer.plain("LIKE_INFO_V3_UPDATE", click_count=1 << 62)
    assert counts(read(gift, likes)) == [1_000_000, 1_000_000]
