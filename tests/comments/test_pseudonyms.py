"""A viewer is told apart and not told."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments.pseudonyms import Pseudonyms, mask
from hostcue.model.comment import Comment, CommentKind


def written(
    viewer: str = "98765",
    *,
    user: str = "爱逛街的猫",
    content: str = "多少钱",
    kind: CommentKind = "chat",
    metadata: dict[str, str] | None = None,
) -> Comment:
    return Comment("1", "douyin", "r", user, content, 1000, kind, metadata or {}, viewer)


def test_of_a_name_only_the_first_character_is_left() -> None:
    assert [mask(name) for name in ("爱逛街的猫", "薛***", "A", "")] == [
        "爱***",
        "薛***",
        "A***",
        "",
    ]


def test_the_same_viewer_has_the_same_key_and_another_platform_another() -> None:
    veil = Pseudonyms(b"key")
    key = veil.veil(written()).viewer
    assert key == veil.viewer_of("douyin", "98765")
    assert len(key) == 16
    assert int(key, 16)
    assert key != veil.viewer_of("bilibili", "98765")
    assert key != Pseudonyms(b"other").viewer_of("douyin", "98765")


def test_an_id_that_many_share_is_nobody_s() -> None:
    veil = Pseudonyms(b"key")
    assert [veil.viewer_of("douyin", shared) for shared in ("", "0", "111111")] == ["", "", ""]
    assert veil.viewers_of("douyin", "111111") == []


def test_an_old_collector_s_user_id_becomes_the_viewer_and_leaves_the_metadata() -> None:
    veil = Pseudonyms(b"key")
    told = {"user_id": "98765", "secUid": "MS4w", "nickname": "爱逛街的猫", "level": "3"}
    veiled = veil.veil(written("", metadata=told))
    assert veiled.viewer == veil.viewer_of("douyin", "98765")
    assert veiled.metadata == {"level": "3"}


def test_who_wrote_is_found_in_metadata_whatever_the_collector_calls_it() -> None:
    told = dict.fromkeys(
        (
            *("userid", "UID", "secUserId", "sender_uid", "openId", "id_str", "displayId"),
            *("name", "nickName", "user.nickname", "from_user", "user_info", "avatar_thumb"),
        ),
        "?",
    )
    kept = {"user_level": "7", "gift_name": "玫瑰", "club": "小满家", "count": "3", "level": "12"}
    assert Pseudonyms(b"key").veil(written(metadata=told | kept)).metadata == kept


def test_a_name_or_an_id_goes_wherever_it_is_told() -> None:
    told = {"by": "爱逛街的猫", "id": "9876543", "level": "12"}
    veiled = Pseudonyms(b"key").veil(written("9876543", metadata=told))
    assert veiled.metadata == {"level": "12"}


def test_a_count_stays_that_happens_to_be_a_viewer_s_name_or_id() -> None:
    told = {"count": "100", "diamonds": "12"}
    assert Pseudonyms(b"key").veil(written("12", user="100", metadata=told)).metadata == told


def test_a_name_in_what_a_collector_says_of_an_act_is_masked_too() -> None:
    veiled = Pseudonyms(b"key").veil(written(content="爱逛街的猫 来了", kind="enter"))
    assert veiled.content == "爱*** 来了"


def test_raw_names_are_a_setting_of_their_own_and_ids_stay_hidden() -> None:
    veiled = Pseudonyms(b"key", raw_names=True).veil(written(metadata={"user_id": "98765"}))
    assert veiled.user == "爱逛街的猫"
    assert "98765" not in repr(veiled)


def test_a_viewer_is_found_under_the_key_before() -> None:
    before, after = Pseudonyms(b"old"), Pseudonyms(b"new", older=(b"old",))
    assert before.viewer_of("douyin", "7") in after.viewers_of("douyin", "7")


@given(
    user=st.text(min_size=2, max_size=12),
    viewer=st.integers(10**7, 10**19).map(str),
    extra=st.dictionaries(
        st.sampled_from(("user_id", "uid", "nickname", "level")), st.just(""), max_size=3
    ),
)
def test_neither_id_nor_whole_name_gets_through(
    user: str, viewer: str, extra: dict[str, str]
) -> None:
    metadata = {name: viewer for name in extra if name != "level"}
    veiled = Pseudonyms(b"key").veil(written(viewer, user=user, metadata=metadata))
    assert viewer not in repr(veiled)
    assert veiled.user == f"{user[0]}***"
