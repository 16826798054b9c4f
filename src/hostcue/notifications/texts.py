"""What a message says: who, what, since when, and what to do; in Chinese or English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from hostcue.log import redact_text
from hostcue.model.notification import (
    RECOVERY_OF,
    Alarm,
    Language,
    Notification,
    NotificationKind,
)
from hostcue.model.room import Room

_NAME_CHARS = 40
_DEMO = "DEMO "
_Pair = tuple[str, str]
"""Chinese, English."""
T = TypeVar("T")

_TITLES: Mapping[NotificationKind, _Pair] = {
    "live_started": ("开播", "live"),
    "live_ended": ("已结束", "ended"),
    "gap_open": ("画面中断", "stream lost"),
    "gap_closed": ("画面恢复", "stream is back"),
    "disk_low": ("磁盘空间不足", "disk is getting full"),
    "disk_ok": ("磁盘空间恢复", "disk has room again"),
    "disk_paused": ("磁盘已满，录制暂停", "disk is full, recording is paused"),
    "disk_resumed": ("录制恢复", "recording goes on"),
    "recording_failed": ("录制失败", "recording failed"),
    "recording_again": ("录制失败已解除", "failure is over"),
    "risk_control": ("平台风控", "blocked by the platform"),
    "risk_control_over": ("风控解除", "no longer blocked"),
    "auth_required": ("需要登录", "login needed"),
    "auth_accepted": ("登录已生效", "login works"),
    "limit_reached": ("已开播但未录制", "live, but not recorded"),
    "limit_over": ("录制名额已空出", "there is a place again"),
    "test": ("测试消息", "test message"),
}

_TEXTS: Mapping[NotificationKind, _Pair] = {
    "live_started": ("{since} 起正在录制。", "Recording since {since}."),
    "live_ended": ("{why}，历时 {lasted}。", "After {lasted}: {why}."),
    "gap_open": (
        "{since} 起没有画面（{why}），正在自动重连。请检查主播推流和本机网络。",
        "No media since {since} ({why}); reconnecting by itself. "
        "Check the host's stream and this machine's network.",
    ),
    "gap_closed": (
        "中断始于 {since}，持续 {lasted}，这段时间没有录到。",
        "Lost from {since} for {lasted}; that time is not recorded.",
    ),
    "disk_low": (
        "剩余 {free}{hours}。请清理磁盘或扩容，否则录制会暂停。",
        "{free} free{hours}. Make room, or recording will pause.",
    ),
    "disk_ok": ("剩余 {free}。", "{free} free."),
    "disk_paused": (
        "剩余 {free}，全部录制已于 {since} 暂停。腾出空间后会自动继续。",
        "{free} free; all recordings paused at {since}. They go on by themselves once there is "
        "room.",
    ),
    "disk_resumed": (
        "暂停始于 {since}，持续 {lasted}。现剩余 {free}。",
        "Paused from {since} for {lasted}. {free} free now.",
    ),
    "recording_failed": (
        "{since} 录制失败：{why}。请重新开始录制；运行 hostcue doctor 或查看日志可知原因。",
        "Failed at {since}: {why}. Start it again; `hostcue doctor` and the log say more.",
    ),
    "recording_again": ("{why}。", "{why}."),
    "risk_control": (
        "{since} 起平台拒绝访问（风控或验证码）。请更换该直播间的 Cookie 或代理，会自动重试。",
        "Refused since {since} (risk control or captcha). Give the room another cookie or proxy; "
        "trying again goes on by itself.",
    ),
    "risk_control_over": ("已可正常访问，受限 {lasted}。", "Reachable again after {lasted}."),
    "auth_required": (
        "{since} 起平台要求登录。请更新该直播间的 Cookie。",
        "The platform asks for a login since {since}. Give the room a fresh cookie.",
    ),
    "auth_accepted": ("已可正常访问，受限 {lasted}。", "Reachable again after {lasted}."),
    "limit_reached": (
        "{since} 起已开播，但同时录制数已达上限。请停止其他录制，或调高 HOSTCUE_MAX_RECORDINGS。",
        "Live since {since}, but as many rooms are recorded as may be. Stop one, or raise "
        "HOSTCUE_MAX_RECORDINGS.",
    ),
    "limit_over": ("等待了 {lasted}。", "It waited for {lasted}."),
    "test": (
        "收到这条消息，说明 hostcue 的通知可以送达。",
        "If you read this, hostcue's notifications arrive.",
    ),
}

_REASONS: Mapping[str, _Pair] = {
    "recording": ("录制已恢复", "it records again"),
    "stopped": ("录制已手动停止", "stopped by hand"),
    "ended": ("直播已结束", "the broadcast is over"),
    "offline": ("直播已结束", "the broadcast is over"),
    "room_offline": ("直播已结束", "the broadcast is over"),
    "eof": ("流被服务器断开", "the server ended the stream"),
    "stalled": ("流卡住不动", "the stream stood still"),
    "restart": ("hostcue 重启", "hostcue was restarted"),
    "timeout": ("连接超时", "no connection in time"),
    "transport_failed": ("网络不通", "no connection"),
    "url_expired": ("流地址过期", "the stream's address expired"),
    "codec_unsupported": ("编码不支持", "a codec that cannot be recorded"),
    "worker_died": ("录制进程崩溃", "the recording process died"),
    "disk_full": ("磁盘已满", "the disk is full"),
    "risk_control": ("平台风控", "blocked by the platform"),
    "auth_required": ("需要登录", "login needed"),
    "upstream_changed": ("平台接口有变", "the platform's interface changed"),
    "internal_error": ("内部错误", "an internal error"),
    "off_schedule": ("已过计划时间", "outside its schedule"),
    "room_not_found": ("直播间不存在", "the room is gone"),
    "superseded": ("同一直播间有新的录制", "another recording of the room goes on"),
    "unreachable": ("连接失败", "no connection"),
    "reset": ("连接被断开", "the connection broke"),
    "no_media": ("没有收到音视频", "no media came"),
    "lagging": ("接收太慢，落后直播", "it fell behind the broadcast"),
    "changed": ("流的编码已改变", "the stream changed"),
    "lost": ("源里少了一段", "the source itself lacks a part"),
    "no_key_frame": ("画面没有可以起录的点", "the picture has no point to begin at"),
    "damaged": ("流数据损坏", "the stream is damaged"),
    "tls": ("安全连接失败", "no secure connection"),
    "not_streaming": ("已开播，还没有画面", "live, but no picture yet"),
    "rate_limited": ("被平台限流", "the platform asks us to slow down"),
    "private_address": ("流指向内网地址", "the stream leads into a private network"),
    "disk": ("磁盘不足", "the disk is full"),
    "write_failed": ("文件写不进去", "a file could not be written"),
    "storage_failed": ("数据库出错", "a fault of the database"),
    "link_lost": ("密钥已更换，链接解不开", "its link was sealed with another key"),
}
_HTTP = "http_"
_AGAIN: _Pair = (
    "短时间内第 {times} 次，稳定一段时间后才会再报恢复。",
    " Number {times} in a short while: its end is told once it has lasted.",
)


@dataclass(frozen=True, slots=True)
class Words:
    """Writes the messages; `zone` names the times in them, None is the system's.

    With `demo` all of them say so: what they tell of is pretended.
    """

    language: Language = "zh"
    zone: str | None = None
    demo: bool = False

    def of(self, alarm: Alarm, room: Room | None, now_ms: int) -> tuple[str, str]:
        """Title and text of an alarm that was just told, or of its end."""
        kind: NotificationKind = alarm.kind if alarm.told else RECOVERY_OF[alarm.kind]
        title = self._pick(_TITLES[kind])
        if room is not None:
            title = f"{_name(room)} {title}"
        facts = alarm.facts
        text = self._pick(_TEXTS[kind]).format(
            since=self._time(alarm.since_ms, now_ms),
            lasted=self._span(_number(facts, "ended_ms", now_ms) - alarm.since_ms),
            why=self._why(facts),
            free=_gib(_number(facts, "free_bytes", 0)),
            hours=self._hours(facts.get("hours_left")),
        )
        times = _number(facts, "times", 1)
        if alarm.told and times > 1:
            text += self._pick(_AGAIN).format(times=times)
        return self._marked(title), redact_text(text)

    def test(self) -> tuple[str, str]:
        """Title and text of a message that only shows that messages arrive."""
        return self._marked(f"hostcue {self._pick(_TITLES['test'])}"), self._pick(_TEXTS["test"])

    def _marked(self, title: str) -> str:
        return f"{_DEMO}{title}" if self.demo and not title.startswith(_DEMO) else title

    def _pick(self, pair: tuple[T, T]) -> T:
        return pair[0] if self.language == "zh" else pair[1]

    def _time(self, at_ms: int, now_ms: int) -> str:
        zone = ZoneInfo(self.zone) if self.zone else None
        at, now = (datetime.fromtimestamp(ms / 1000, zone) for ms in (at_ms, now_ms))
        return f"{at:%H:%M:%S}" if at.date() == now.date() else f"{at:%m-%d %H:%M}"

    def _span(self, span_ms: int) -> str:
        seconds = max(0, round(span_ms / 1000))
        minutes, hours = seconds // 60, seconds // 3600
        if hours:
            return self._pick((f"{hours} 小时 {minutes % 60} 分", f"{hours} h {minutes % 60} min"))
        if minutes:
            return self._pick(
                (f"{minutes} 分 {seconds % 60} 秒", f"{minutes} min {seconds % 60} s")
            )
        return self._pick((f"{seconds} 秒", f"{seconds} s"))

    def _why(self, facts: Mapping[str, object]) -> str:
        reason = str(facts.get("reason") or facts.get("cause") or facts.get("state") or "")
        known = _REASONS.get(reason, (reason, reason))
        if reason.startswith(_HTTP):
            status = reason.removeprefix(_HTTP)
            known = (f"流服务器答 {status}", f"the stream's server answered {status}")
        return self._pick(known) or self._pick(("原因不明", "nobody knows why"))

    def _hours(self, hours: object) -> str:
        if not isinstance(hours, (int, float)):
            return ""
        return self._pick((f"，约 {hours:.1f} 小时后写满", f", about {hours:.1f} hours left"))


def as_one(messages: Sequence[Notification]) -> Notification:
    """Several messages in one, an alarm's if there is one among them."""
    if len(messages) == 1:
        return messages[0]
    lead = next((message for message in messages if not message.alarm_id), messages[0])
    lines = (f"{message.title}：{message.text}" for message in messages)
    return replace(lead, title=f"hostcue ({len(messages)})", text="\n".join(lines))


def _name(room: Room) -> str:
    name = " ".join(room.anchor_name.split())
    return name if len(name) <= _NAME_CHARS else f"{name[: _NAME_CHARS - 1]}…"


def _number(facts: Mapping[str, object], name: str, default: int) -> int:
    value = facts.get(name)
    return value if isinstance(value, int) else default


def _gib(count: int) -> str:
    return f"{count / 2**30:.1f} GiB"
