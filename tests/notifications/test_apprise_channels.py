"""Channels of apprise, in a process of their own."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator

import anyio
import pytest
from webhook_receiver import WebhookReceiver

from hostcue.errors import ConfigError
from hostcue.model.json_text import to_json
from hostcue.model.network import Proxies
from hostcue.model.notification import Notification
from hostcue.notifications.apprise import AppriseNotifier, environment_with

MESSAGE = Notification("ntf_1", "disk_paused", "disk", 1_764_000_000_000, "磁盘已满", "录制暂停。")


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver.open() as opened:
        yield opened


async def test_a_channel_is_reached_through_the_proxy_of_the_settings(
    receiver: WebhookReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    channel = AppriseNotifier(
        "json://ops.example.com/hook", proxies=Proxies(f"http://{receiver.host}")
    )
    await channel.send(MESSAGE, "d1")
    assert receiver.received[0].target == "http://ops.example.com/hook"


def test_the_process_gets_our_proxies_and_none_of_our_secrets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTPS_PROXY", "http_proxy", "All_Proxy", "HOSTCUE_TOKEN", "DOUYIN_COOKIE"):
        monkeypatch.setenv(name, "canary")
    monkeypatch.setenv("DASHSCOPE_API_KEY", "canary")
    found = environment_with(Proxies("http://p:1", None, ("corp.cn", "10.0.0.0/8")))
    assert "canary" not in found.values()
    assert found["PATH"] == os.environ["PATH"]
    assert found["http_proxy"] == "http://p:1"
    assert found["https_proxy"] == "http://p:1"
    assert set(found["no_proxy"].split(",")) >= {"localhost", "127.0.0.1", "corp.cn", "10.0.0.0/8"}
    assert "http_proxy" not in environment_with(Proxies())


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("jsons://127.0.0.1:9/canary?verify=no", "verify=no"),
        ("nothing-such://canary", "does not understand"),
        ("canary", "not a URL"),
    ],
)
async def test_an_address_that_cannot_be_used_is_named_by_its_setting_alone(
    url: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        await AppriseNotifier(url, proxies=Proxies()).send(MESSAGE, "d1")
    assert caught.value.field == "HOSTCUE_NOTIFY_URLS"
    assert "canary" not in f"{caught.value} {caught.value.remedy}"


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError) as caught:
        await AppriseNotifier("json://127.0.0.1:9", proxies=Proxies()).send(MESSAGE, "d1")
    assert "hostcue[notify]" in (caught.value.remedy or "")


async def test_alarms_are_warnings_and_good_news_is_not(receiver: WebhookReceiver) -> None:
    await AppriseNotifier(f"json://{receiver.host}", proxies=Proxies()).send(MESSAGE, "d1")
    assert receiver.received[0].json["type"] == "warning"
    assert receiver.received[0].json["title"] == "磁盘已满"


async def test_more_than_a_channel_takes_goes_in_parts_unless_wanted_otherwise() -> None:
    code = """
import sys
from hostcue.notifications.apprise_process import service_of
for url in sys.argv[1:]:
    print(service_of(url).overflow_mode.value)
"""
    url = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js/"
    done = await anyio.run_process([sys.executable, "-c", code, url, f"{url}?overflow=truncate"])
    assert done.stdout.split() == [b"split", b"truncate"]


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's pidfd")
async def test_the_process_does_not_outlive_a_server_that_was_killed(
    receiver: WebhookReceiver,
) -> None:
    receiver.answer(0)
    order = to_json(
        {
            "url": f"json://{receiver.host}/?rto=100",
            "title": "t",
            "text": "t",
            "good": True,
            "within_s": 100,
        }
    )
    server = await anyio.open_process([sys.executable, "-c", _A_SERVER, order], stderr=None)
    async with server:
        assert server.stdout is not None
        pid = int(await server.stdout.receive())
        watched = os.pidfd_open(pid)
        try:
            await receiver.wait(1, within_s=30)
            server.kill()
            with anyio.fail_after(30):
                await anyio.wait_readable(watched)
        finally:
            os.close(watched)


_A_SERVER = """
import subprocess, sys
child = subprocess.Popen(
    [sys.executable, "-m", "hostcue.notifications.apprise_process"],
    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
)
child.stdin.write(sys.argv[1].encode())
child.stdin.close()
print(child.pid, flush=True)
child.wait()
"""
