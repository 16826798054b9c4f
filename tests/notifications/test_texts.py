"""What messages say."""

from __future__ import annotations

from typing import get_args

import pytest

from hostcue.model.notification import Alarm, AlarmKind, Language
from hostcue.model.room import Room
from hostcue.notifications.texts import Words

ROOM = Room("douyin", "80017709309", "7576", "https://live.douyin.com/1", "小满的鞋铺")
SINCE = 1_764_000_000_000  # 2025-11-24 16:00:00 UTC
NOW = SINCE + 95_000
ZONE = "Asia/Shanghai"


def alarm(kind: AlarmKind, *, told: bool = True, **facts: object) -> Alarm:
    return Alarm(kind, "r1", told, SINCE, facts, told)


def test_a_gap_says_who_what_since_when_and_what_to_do() -> None:
    title, text = Words("zh", ZONE).of(alarm("gap_open", cause="stalled"), ROOM, NOW)
    assert title == "小满的鞋铺 画面中断"
    assert text == "00:00:00 起没有画面（流卡住不动），正在自动重连。请检查主播推流和本机网络。"
    title, text = Words("en", ZONE).of(alarm("gap_open", cause="stalled"), ROOM, NOW)
    assert title == "小满的鞋铺 stream lost"
    assert text.startswith("No media since 00:00:00 (the stream stood still)")


def test_an_end_says_how_long_it_lasted() -> None:
    over = alarm("gap_open", told=False, ended_ms=SINCE + 3_700_000)
    title, text = Words("zh", ZONE).of(over, ROOM, NOW)
    assert title == "小满的鞋铺 画面恢复"
    assert "持续 1 小时 1 分" in text
    assert "for 1 h 1 min" in Words("en", ZONE).of(over, ROOM, NOW)[1]


def test_a_disk_says_how_much_is_left_and_for_how_long() -> None:
    low = alarm("disk_low", free_bytes=12 * 2**30, hours_left=3.46)
    assert Words("zh", ZONE).of(low, None, NOW) == (
        "磁盘空间不足",
        "剩余 12.0 GiB，约 3.5 小时后写满。请清理磁盘或扩容，否则录制会暂停。",
    )
    unknown = alarm("disk_low", free_bytes=12 * 2**30, hours_left=None)
    assert Words("zh", ZONE).of(unknown, None, NOW)[1].startswith("剩余 12.0 GiB。")


def test_another_days_time_bears_its_date() -> None:
    later = NOW + 24 * 3600 * 1000
    assert "11-25 00:00 起" in Words("zh", ZONE).of(alarm("gap_open"), ROOM, later)[1]


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("kind", get_args(AlarmKind))
@pytest.mark.parametrize("told", [True, False])
def test_every_message_is_whole_whatever_is_known(
    language: Language, kind: AlarmKind, told: bool
) -> None:
    for room in (None, ROOM):
        title, text = Words(language).of(alarm(kind, told=told), room, NOW)
        assert title.strip()
        assert len(text) > 1
        assert len(f"{title}{text}") < 200
        assert "{" not in text
        chinese = any("\u4e00" <= char <= "\u9fff" for char in text)
        assert chinese == (language == "zh")


def test_a_demo_stays_marked_and_a_long_name_is_cut() -> None:
    demo = Room("douyin", "1", "2", "", "DEMO 小满的鞋铺")
    assert Words().of(alarm("live_started"), demo, NOW)[0] == "DEMO 小满的鞋铺 开播"
    words = Words(demo=True)
    assert words.of(alarm("live_started"), demo, NOW)[0] == "DEMO 小满的鞋铺 开播"
    assert words.of(alarm("live_started"), ROOM, NOW)[0] == "DEMO 小满的鞋铺 开播"
    assert words.test()[0].startswith("DEMO ")
    long = Room("douyin", "1", "2", "", "字" * 500)
    assert len(Words().of(alarm("live_started"), long, NOW)[0]) < 60


def test_a_signed_address_in_a_reason_does_not_leave_the_house() -> None:
    failed = alarm("recording_failed", reason="https://cdn.example.com/a.flv?sign=canary")
    assert "canary" not in Words("en").of(failed, ROOM, NOW)[1]


# what a recording's state or a gap can give as its reason
REASONS = [
    "recording",
    "stopped",
    "ended",
    "offline",
    "room_offline",
    "room_not_found",
    "restart",
    "superseded",
    "link_lost",
    "off_schedule",
    "not_streaming",
    "risk_control",
    "auth_required",
    "rate_limited",
    "stalled",
    "lagging",
    "no_key_frame",
    "lost",
    "eof",
    "reset",
    "changed",
    "url_expired",
    "unreachable",
    "tls",
    "no_media",
    "damaged",
    "codec_unsupported",
    "private_address",
    "disk_full",
    "disk",
    "write_failed",
    "worker_died",
    "upstream_changed",
    "transport_failed",
    "storage_failed",
    "internal_error",
    "http_403",
]


@pytest.mark.parametrize("reason", REASONS)
def test_no_reason_reaches_people_as_a_code(reason: str) -> None:
    lost = alarm("gap_open", cause=reason)
    chinese, english = (Words(language, ZONE).of(lost, ROOM, NOW)[1] for language in ("zh", "en"))
    assert f"（{reason}）" not in chinese
    assert f"({reason})" not in english
    assert any("一" <= char <= "鿿" for char in chinese.partition("（")[2].partition("）")[0])
