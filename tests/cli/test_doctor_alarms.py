"""What doctor says of where alarms go."""

from __future__ import annotations

import sys

import pytest

from hostcue.cli.doctor.alarms import alarms
from hostcue.cli.doctor.redaction import Concealer
from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.wiring.notifications import open_notifiers

SECRET = {"HOSTCUE_WEBHOOK_SECRET": "canary-signing-secret"}
HOOK = {"HOSTCUE_WEBHOOK_URLS": "https://ops.example.com/canary?key=canary"}
CHANNEL = {
    "HOSTCUE_NOTIFY_URLS": "tgram://123456789:canarycanary_canarycanarycanary/1234/, bark://canary@api.day.app/"
}


async def test_without_targets_it_says_what_would_make_some() -> None:
    outcome = await alarms(Settings.only({}))
    assert outcome.facts == {"targets": 0}
    assert "HOSTCUE_NOTIFY_URLS" in outcome.found
    assert outcome.remedy == ""


async def test_targets_are_shown_without_their_secrets() -> None:
    outcome = await alarms(Settings.only(SECRET | HOOK | CHANNEL))
    assert "https://ops.example.com/*** (" in outcome.found
    assert "tgram://*** (" in outcome.found
    assert "bark://*** (" in outcome.found
    assert "canary" not in str(outcome)


async def test_channels_without_the_extra_fail_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(ConfigError) as caught:
        await alarms(Settings.only(CHANNEL))
    assert "hostcue[notify]" in (caught.value.remedy or "")


async def test_a_channel_that_the_library_does_not_know_is_named_without_its_secrets() -> None:
    unknown = {"HOSTCUE_NOTIFY_URLS": "json://127.0.0.1:9/canary, telegrm://canary/canary"}
    with pytest.raises(ConfigError, match=r"understand telegrm://\*\*\* \(\w+\)$") as caught:
        await alarms(Settings.only(unknown))
    assert caught.value.field == "HOSTCUE_NOTIFY_URLS"
    assert "canary" not in f"{caught.value} {caught.value.remedy}"


@pytest.mark.parametrize("secret", [{}, {"HOSTCUE_WEBHOOK_SECRET": "short-canary"}])
async def test_webhooks_need_a_secret_to_be_signed_with(secret: dict[str, str]) -> None:
    with pytest.raises(ConfigError) as caught:
        async with open_notifiers(Settings.only(HOOK | secret)):
            pass
    assert caught.value.field == "HOSTCUE_WEBHOOK_SECRET"
    assert "canary" not in f"{caught.value} {caught.value.remedy}"


async def test_the_same_address_twice_is_one_target() -> None:
    twice = {"HOSTCUE_WEBHOOK_URLS": "https://a.cn/x,https://a.cn/x, https://b.cn/x"}
    async with open_notifiers(Settings.only(SECRET | twice)) as notifiers:
        assert len({notifier.target.id for notifier in notifiers}) == len(notifiers) == 2


def test_doctor_conceals_them_wherever_they_turn_up() -> None:
    conceal = Concealer.of(Settings.only(SECRET | HOOK | CHANNEL))
    for value in (
        *SECRET.values(),
        *HOOK.values(),
        "tgram://123456789:canarycanary_canarycanarycanary/1234/",
    ):
        assert "canary" not in conceal(f"it said {value!r}")


def test_settings_never_print_them() -> None:
    assert "canary" not in repr(Settings.only(SECRET | HOOK | CHANNEL))
