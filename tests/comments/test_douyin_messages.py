from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest
from google.protobuf.message import Message as Body
from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.douyin.arrival import Arrival, Memory, Skew
from hostcue.comments.douyin.gifts import GiftCombos
from hostcue.comments.douyin.inbox import Inbox
from hostcue.model.clock import to_ms
from hostcue.model.comment import Comment
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

NOW_MS = 1_764_000_000_000
MINUTE_MS = 60_000


@given(st.integers(10**11, 4 * 10**12))
def test_a_time_is_the_same_in_every_unit_the_platform_uses(ms: int) -> None:
    assert to_ms(ms) == to_ms(ms * 1000) == to_ms(ms * 10**6) == ms
    assert to_ms(ms // 1000) == ms // 1000 * 1000


def arrival(skew_ms: int | None = 0) -> Arrival:
    return Arrival("1", NOW_MS, skew_ms, memory=Memory())


def test_an_untold_time_is_the_time_of_arrival() -> None:
    assert arrival(None).send_time(0) == NOW_MS


@pytest.mark.parametrize("age_min", [0, 1, 30, 600])
def test_an_old_message_keeps_its_old_time(age_min: int) -> None:
    sent_ms = NOW_MS - age_min * MINUTE_MS
    assert arrival().send_time(sent_ms) == sent_ms


@pytest.mark.parametrize("sent_ms", [NOW_MS + 11 * MINUTE_MS, 1000, 2**64 - 1])
def test_a_time_that_cannot_be_is_the_time_of_arrival(sent_ms: int) -> None:
    assert arrival().send_time(sent_ms) == NOW_MS


def test_a_small_difference_of_the_clocks_is_left_alone() -> None:
    assert arrival(-5000).send_time(NOW_MS - 6000) == NOW_MS - 6000


@pytest.mark.parametrize("ahead_ms", [-90 * MINUTE_MS, -20_000, 20_000, 90 * MINUTE_MS])
def test_when_the_clocks_are_apart_comments_are_placed_on_ours(ahead_ms: int) -> None:
    sent_ms = NOW_MS + ahead_ms - 2 * MINUTE_MS
    assert arrival(ahead_ms).send_time(sent_ms) == NOW_MS - 2 * MINUTE_MS


def test_the_skew_is_the_median_of_what_answers_told() -> None:
    skew = Skew()
    assert skew.ms is None
    for told_ms in (0, NOW_MS - 300, NOW_MS - 40_000, (NOW_MS - 200) * 1000):
        skew.note(told_ms, NOW_MS)
    assert skew.ms == -300


def chat_by(user: pb.User) -> Comment:
    body = pb.ChatMessage(user=user, content="有货吗").SerializeToString()
    message = pb.Message(method="WebcastChatMessage", payload=body, msg_id=1)
    (event,) = Inbox("1").read_response(pb.Response(messages=[message]), NOW_MS)
    assert isinstance(event, Comment)
    return event


@pytest.mark.parametrize(
    ("user", "viewer"),
    [
        (pb.User(id=98765), "98765"),
        (pb.User(id=1, id_str="98765"), "98765"),
        (pb.User(id=111111, nickname="薛***"), ""),
        (pb.User(id=111111, id_str="111111"), ""),
        (pb.User(), ""),
    ],
    ids=["number", "text", "masked", "masked twice", "nobody"],
)
def test_a_viewer_is_one_person_or_nobody(user: pb.User, viewer: str) -> None:
    comment = chat_by(user)
    assert comment.viewer == viewer
    assert "user_id" not in comment.metadata


def test_badges_are_read_whatever_their_size() -> None:
    grade = pb.PayGrade(level=3).SerializeToString()
    club = pb.FansClub(data=pb.FansClubData(club_name="小满家", level=2)).SerializeToString()
    picture = b"\x7a\x88\x27" + bytes(5000)  # in a field we do not know
    expected = {"level": "3", "club": "小满家", "club_level": "2"}
    for bulk in (b"", picture):
        comment = chat_by(pb.User(id=7, pay_grade=grade + bulk, fans_club=club))
        assert comment.metadata == expected


def test_a_comment_is_as_if_it_had_been_made_by_hand() -> None:
    comment = chat_by(
        pb.User(id=7, nickname="小林", pay_grade=pb.PayGrade(level=3).SerializeToString())
    )
    by_hand = Comment("1", "douyin", "1", "小林", "有货吗", NOW_MS, "chat", {"level": "3"}, "7")
    assert (comment, type(comment), hash(comment.id)) == (by_hand, Comment, hash(by_hand.id))
    with pytest.raises(FrozenInstanceError):
        comment.user = "x"  # type: ignore[misc]  # that it is frozen is what is tested
    assert replace(comment, user="x").user == "x"
    assert not hasattr(comment, "__dict__")


@pytest.mark.parametrize("unknown", [pb.SocialMessage(action=9), pb.ControlMessage(action=9)])
def test_an_action_we_do_not_know_adds_nothing(unknown: Body) -> None:
    method = f"Webcast{unknown.DESCRIPTOR.name}"
    message = pb.Message(method=method, payload=unknown.SerializeToString())
    assert Inbox("1").read_response(pb.Response(messages=[message]), NOW_MS) == ()


def combo(
    count: int, *, ends: bool = False, user: int = 1, group: int = 9, press: int = 1
) -> pb.GiftMessage:
    return pb.GiftMessage(
        gift_id=463,
        group_id=group,
        group_count=press,
        repeat_count=count,
        combo_count=count,
        repeat_end=int(ends),
        user=pb.User(id=user),
        gift=pb.GiftStruct(id=463, combo=True),
    )


@pytest.mark.parametrize(
    ("counts", "added"),
    [
        ([1, 2, 3], [1, 1, 1]),
        ([1, 2, 3, 5, 6], [1, 1, 1, 2, 1]),
        ([1, 3, 2, 4], [1, 2, 0, 1]),
        ([4], [4]),
    ],
    ids=["in order", "with a hole", "out of order", "joined late"],
)
def test_a_combo_adds_up_to_its_last_count(counts: list[int], added: list[int]) -> None:
    combos = GiftCombos()
    assert [combos.added(combo(count)) for count in counts] == added
    assert combos.added(combo(max(counts), ends=True)) == 0


@given(st.lists(st.integers(1, 50), min_size=1))
def test_in_whatever_order_a_combo_comes_its_sum_is_the_highest_count(counts: list[int]) -> None:
    combos = GiftCombos()
    assert sum(combos.added(combo(count)) for count in counts) == max(counts)


def test_a_summary_whose_combo_was_missed_counts_once() -> None:
    combos = GiftCombos()
    assert [combos.added(combo(7, ends=True)) for _ in range(2)] == [7, 0]


def test_combos_of_different_people_with_the_same_group_are_apart() -> None:
    combos = GiftCombos()
    assert [combos.added(combo(1, user=user)) for user in (1, 2)] == [1, 1]


def test_a_long_press_multiplies() -> None:
    combos = GiftCombos()
    added = [combos.added(combo(count, press=66)) for count in (1, 2)]
    assert (added, combos.added(combo(2, press=66, ends=True))) == ([66, 66], 0)


def test_masked_users_with_the_same_group_are_apart() -> None:
    combos = GiftCombos()
    gifts = [combo(2, user=111111), combo(2, user=111111)]
    gifts[0].user.nickname, gifts[1].user.nickname = "薛***", "王***"
    assert [combos.added(gift) for gift in gifts] == [2, 2]


def test_a_single_gift_told_twice_counts_once() -> None:
    gift = combo(1, group=5)
    gift.gift.combo = False
    gift.total_count = 3
    combos = GiftCombos()
    assert [combos.added(gift) for _ in range(2)] == [3, 0]


def test_a_gift_without_a_combo_counts_as_often_as_it_comes() -> None:
    gift = pb.GiftMessage(gift_id=1, repeat_count=2, user=pb.User(id=1))
    combos = GiftCombos()
    assert [combos.added(gift) for _ in range(2)] == [2, 2]


def test_only_so_many_combos_are_remembered() -> None:
    combos = GiftCombos(remembered=1)
    for group in (1, 2):
        combos.added(combo(3, group=group))
    assert [combos.added(combo(3, group=group)) for group in (2, 1)] == [0, 3]
