"""Signed webhooks on the wire."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from webhook_receiver import WebhookReceiver

from hostcue.errors import ConfigError, DeliveryFailed, RateLimited
from hostcue.model.network import Proxies
from hostcue.model.notification import Notification
from hostcue.notifications import webhook
from hostcue.notifications.targets import split_urls, target_of
from hostcue.notifications.webhook import Webhook, body_of, signature
from hostcue.platforms.http import open_http

SECRET = "a-secret-of-some-length"
MESSAGE = Notification(
    id="ntf_2",
    kind="gap_closed",
    subject="3f9a1c0b77de",
    created_ms=1_764_000_300_000,
    title="小满的鞋铺 画面恢复",
    text="中断始于 20:31:05，持续 95 秒。",
    data={"anchor_name": "小满的鞋铺", "since_ts": 1_764_000_205_000},
    alarm_id="ntf_1",
)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver.open() as opened:
        yield opened


async def send(receiver: WebhookReceiver, delivery_id: str = "d1") -> None:
    async with open_http(Proxies("http://127.0.0.1:9")) as http:
        hook = Webhook(http, receiver.url("/hook?key=1"), secret=SECRET)
        await hook.send(MESSAGE, delivery_id)


async def test_the_body_has_four_members_and_is_signed_as_documented(
    receiver: WebhookReceiver,
) -> None:
    await send(receiver, "ntf_2-webhook-3fa9c2d1")
    got = receiver.received[0]
    assert got.target == "/hook?key=1"
    assert got.json == {
        "id": "ntf_2",
        "type": "gap_closed",
        "created_at": 1_764_000_300_000,
        "data": {
            "anchor_name": "小满的鞋铺",
            "since_ts": 1_764_000_205_000,
            "subject": "3f9a1c0b77de",
            "title": "小满的鞋铺 画面恢复",
            "text": "中断始于 20:31:05，持续 95 秒。",
            "alarm_id": "ntf_1",
        },
    }
    assert "小满的鞋铺".encode() in got.body
    assert got.is_signed_with(SECRET)
    assert not got.is_signed_with("another-secret-of-that-length")
    assert got.headers["hostcue-delivery"] == "ntf_2-webhook-3fa9c2d1"
    assert got.headers["user-agent"].startswith("hostcue/")
    assert got.headers["content-type"] == "application/json"
    stamp = int(got.headers["hostcue-signature"].split(",")[0].removeprefix("t="))
    assert abs(stamp - time.time_ns() / 1e9) < 10


def test_the_example_in_the_documentation_verifies_a_message_and_refuses_others() -> None:
    example = (webhook.__doc__ or "").partition("    def genuine")[2].partition("\n\nThe")[0]
    lines = ("    def genuine" + example).splitlines()
    names: dict[str, object] = {"hmac": hmac, "hashlib": hashlib, "time": time}
    exec("\n".join(line.removeprefix("    ") for line in lines), names)  # noqa: S102 - our own docs
    genuine = names["genuine"]
    assert callable(genuine)
    now, body = time.time_ns() // 10**9, body_of(MESSAGE)
    header = signature(SECRET.encode(), body, now)
    assert genuine(SECRET, header, body)
    assert not genuine(SECRET, header, body + b" ")
    assert not genuine("other", header, body)
    assert not genuine(SECRET, signature(SECRET.encode(), body, now - 3600), body)


async def test_a_redirect_is_not_followed_and_named(receiver: WebhookReceiver) -> None:
    async with WebhookReceiver.open() as elsewhere:
        receiver.answer(307, Location=elsewhere.url())
        with pytest.raises(DeliveryFailed) as caught:
            await send(receiver)
        assert elsewhere.received == []
    assert caught.value.code == "redirected"
    assert not caught.value.retryable


@pytest.mark.parametrize(
    ("status", "again"), [(400, False), (401, False), (408, True), (410, False), (500, True)]
)
async def test_only_what_may_pass_is_tried_again(
    receiver: WebhookReceiver, status: int, again: bool
) -> None:
    receiver.answer(status)
    with pytest.raises(DeliveryFailed) as caught:
        await send(receiver)
    assert caught.value.retryable is again
    assert caught.value.code == f"http_{status}"


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("120", 120, 120),
        (timedelta(seconds=300), 200, 300),
        (timedelta(seconds=-300), 0, 0),
        ("soon", 30, 30),
        ("", 30, 30),
    ],
)
async def test_a_receiver_says_how_long_to_wait_in_seconds_or_as_a_date(
    receiver: WebhookReceiver, value: str | timedelta, low: float, high: float
) -> None:
    if isinstance(value, timedelta):
        value = format_datetime(datetime.now(UTC) + value, usegmt=True)
    receiver.answer(429, **{"Retry-After": value})
    with pytest.raises(RateLimited) as caught:
        await send(receiver)
    assert low <= caught.value.retry_after_s <= high


def test_urls_are_told_apart_although_they_hold_commas() -> None:
    text = "mailto://u:p@host?to=a@x.cn,b@y.cn, https://a.cn/h?x=1,2 ,\n tgram://bot/chat,"
    assert split_urls(text) == (
        "mailto://u:p@host?to=a@x.cn,b@y.cn",
        "https://a.cn/h?x=1,2",
        "tgram://bot/chat",
    )
    assert split_urls("") == ()
    assert split_urls(" , ") == ()


def test_a_target_shows_where_it_leads_and_nothing_secret() -> None:
    one = target_of("webhook", "https://user:pw@ops.example.com:8443/T0/B0/key?sign=1")
    assert one.label.startswith("https://ops.example.com:8443/*** (")
    assert target_of("webhook", "http://[::1]/x").label.startswith("http://[::1]/***")
    assert target_of("apprise", "tgram://123456:ABC/chat").label.startswith("tgram://***")
    assert (
        one.id == target_of("webhook", "https://user:pw@ops.example.com:8443/T0/B0/key?sign=1").id
    )
    assert one.id != target_of("webhook", "https://ops.example.com:8443/T0/B0/key?sign=1").id


@pytest.mark.parametrize("url", ["canary", "://canary", "canary://", "canary@host/path"])
def test_a_channel_needs_a_url(url: str) -> None:
    with pytest.raises(ConfigError) as refused:
        target_of("apprise", url)
    assert refused.value.field == "HOSTCUE_NOTIFY_URLS"
    assert "canary" not in f"{refused.value.message} {refused.value.remedy}"


@pytest.mark.parametrize("url", ["ops.example.com/x", "ftp://a/b", "https://", "http://[x/", ""])
def test_a_webhook_needs_an_http_address(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        target_of("webhook", url)
    assert caught.value.field == "HOSTCUE_WEBHOOK_URLS"


@pytest.mark.parametrize("url", ["http://\u2024/canary", "http://a/\x7fcanary"])
async def test_an_address_that_no_client_can_ask_is_refused_at_the_start(url: str) -> None:
    async with open_http(Proxies()) as http:
        with pytest.raises(ConfigError) as caught:
            Webhook(http, url, secret=SECRET)
    assert caught.value.field == "HOSTCUE_WEBHOOK_URLS"
    assert "canary" not in f"{caught.value} {caught.value.remedy}"
