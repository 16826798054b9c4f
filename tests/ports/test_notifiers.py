"""What every `Notifier` promises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal, get_args

import anyio
import pytest
from self_signed import self_signed
from webhook_receiver import WebhookReceiver

from hostcue.errors import HostcueError, RateLimited, TransportFailed, UpstreamError
from hostcue.model.network import Proxies
from hostcue.model.notification import Notification
from hostcue.notifications.apprise import AppriseNotifier
from hostcue.notifications.webhook import Webhook
from hostcue.platforms.http import open_http
from hostcue.ports import Notifier

Kind = Literal["webhook", "apprise"]
KEY = "canary-5f1e9d"
SECRET = "canary-signing-secret"
MESSAGE = Notification(
    "ntf_1", "gap_open", "3f9a1c0b77de", 1_764_000_000_000, "小满的鞋铺 画面中断", "正在自动重连。"
)


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver.open() as opened:
        yield opened


@asynccontextmanager
async def notifier(
    kind: Kind, receiver: WebhookReceiver, *, timeout_s: float = 30, secure: bool = False
) -> AsyncIterator[Notifier]:
    """To the receiver, with secrets where such URLs have them, beside proxies that are dead."""
    proxies = Proxies("http://127.0.0.1:9", "http://127.0.0.1:9")
    if kind == "apprise":
        scheme, host = ("jsons", receiver.secure_host) if secure else ("json", receiver.host)
        url = f"{scheme}://user:{KEY}@{host}/hook/{KEY}?-token={KEY}"
        yield AppriseNotifier(url, proxies=proxies, timeout_s=timeout_s)
        return
    async with open_http(proxies) as http:
        scheme, host = ("https", receiver.secure_host) if secure else ("http", receiver.host)
        url = f"{scheme}://user:{KEY}@{host}/hook/{KEY}?token={KEY}"
        yield Webhook(http, url, secret=SECRET, timeout_s=timeout_s)


async def failure(
    kind: Kind, receiver: WebhookReceiver, *, timeout_s: float = 30, secure: bool = False
) -> HostcueError:
    async with notifier(kind, receiver, timeout_s=timeout_s, secure=secure) as one:
        with anyio.fail_after(60), pytest.raises(HostcueError) as caught:
            await one.send(MESSAGE, "delivery-1")
    said = f"{caught.value} {caught.value.remedy} {caught.value.__cause__} {one.target}"
    assert "canary" not in said
    return caught.value


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_message_arrives_with_its_words(kind: Kind, receiver: WebhookReceiver) -> None:
    async with notifier(kind, receiver) as one:
        assert one.target.kind == kind
        with anyio.fail_after(60):
            await one.send(MESSAGE, "delivery-1")
    body = receiver.received[0].json
    assert MESSAGE.title in str(body)
    assert MESSAGE.text in str(body)
    assert receiver.received[0].target.startswith(f"/hook/{KEY}")
    assert len(receiver.received) == 1


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_receiver_in_trouble_may_be_asked_again(
    kind: Kind, receiver: WebhookReceiver
) -> None:
    receiver.answer(503)
    exc = await failure(kind, receiver)
    assert isinstance(exc, UpstreamError)
    assert exc.retryable
    assert exc.code == "http_503"


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_receiver_that_wants_none_of_it_is_left_alone(
    kind: Kind, receiver: WebhookReceiver
) -> None:
    receiver.answer(404)
    exc = await failure(kind, receiver)
    assert isinstance(exc, UpstreamError)
    assert not exc.retryable
    assert exc.code == "http_404"


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_receiver_that_asks_for_a_pause_may_be_asked_again(
    kind: Kind, receiver: WebhookReceiver
) -> None:
    receiver.answer(429, **{"Retry-After": "7"})
    exc = await failure(kind, receiver)
    assert isinstance(exc, UpstreamError)
    assert exc.retryable
    assert not isinstance(exc, RateLimited) or exc.retry_after_s == 7


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_receiver_that_never_answers_costs_no_more_than_the_deadline(
    kind: Kind, receiver: WebhookReceiver
) -> None:
    receiver.answer(0)
    began = anyio.current_time()
    exc = await failure(kind, receiver, timeout_s=1)
    assert isinstance(exc, TransportFailed)
    assert exc.retryable
    assert anyio.current_time() - began < 60


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_certificate_that_nobody_vouches_for_is_not_accepted(
    kind: Kind, tmp_path: Path
) -> None:
    async with WebhookReceiver.open(self_signed(tmp_path, "localhost")) as impostor:
        exc = await failure(kind, impostor, secure=True)
        assert isinstance(exc, TransportFailed)
        assert impostor.received == []


@pytest.mark.parametrize("kind", get_args(Kind))
async def test_a_receiver_that_is_not_there_is_a_failure_to_try_again(kind: Kind) -> None:
    async with WebhookReceiver.open() as gone:
        pass
    exc = await failure(kind, gone)
    assert isinstance(exc, TransportFailed)
    assert exc.retryable
