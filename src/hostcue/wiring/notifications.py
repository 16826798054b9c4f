"""The targets that the settings name, and what sends to them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import structlog

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.model.network import is_loopback_host
from hostcue.notifications.apprise import AppriseNotifier, installed
from hostcue.notifications.rules import Rules
from hostcue.notifications.targets import split_urls
from hostcue.notifications.texts import Words
from hostcue.notifications.webhook import Webhook
from hostcue.pipeline.notifier import Notifications, NotifierStores
from hostcue.platforms.http import open_http
from hostcue.ports import Notifier
from hostcue.wiring.outside import secret

log = structlog.get_logger(__name__)

_SHORTEST_SECRET = 16


@asynccontextmanager
async def open_notifiers(settings: Settings) -> AsyncIterator[Sequence[Notifier]]:
    """One for each target.

    Raises:
        ConfigError: a webhook's address is none, or the secret to sign with is missing.
    """
    signing = secret(settings.webhook_secret) or ""
    webhooks = split_urls(secret(settings.webhook_urls) or "")
    channels = split_urls(secret(settings.notify_urls) or "")
    if webhooks and len(signing) < _SHORTEST_SECRET:
        raise ConfigError(
            f"HOSTCUE_WEBHOOK_URLS needs a secret of at least {_SHORTEST_SECRET} characters",
            field="HOSTCUE_WEBHOOK_SECRET",
            remedy="set HOSTCUE_WEBHOOK_SECRET to what this prints: "
            'python -c "import secrets; print(secrets.token_urlsafe(24))"',
        )
    async with open_http(settings.proxies) as http:
        yield [
            *(Webhook(http, url, secret=signing) for url in dict.fromkeys(webhooks)),
            *(AppriseNotifier(url, proxies=settings.proxies) for url in dict.fromkeys(channels)),
        ]


@asynccontextmanager
async def open_notifications(
    settings: Settings, stores: NotifierStores
) -> AsyncIterator[Notifications]:
    """What tells people of all that is committed from here on; it still has to be run."""
    async with open_notifiers(settings) as notifiers:
        if any(one.target.kind == "apprise" for one in notifiers) and not installed():
            # a recorder that does not start would be worse than one that cannot call
            log.error("notify_extra_missing", remedy="pip install 'hostcue[notify]'")
        notifications = Notifications(
            notifiers,
            stores,
            rules=Rules(gap_alarm_s=settings.gap_alarm_s),
            words=Words(settings.notify_language, settings.tz, demo=_pretended(settings)),
        )
        await notifications.begin()
        yield notifications


def _pretended(settings: Settings) -> bool:
    """Whether what is recorded is the pretend room of this machine."""
    return is_loopback_host(urlsplit(settings.douyin_web_url).hostname or "")
