"""Keeps secrets out of what doctor shows and writes, whichever way they got into it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from pydantic import SecretStr

from hostcue.config import Settings
from hostcue.log import redact_text
from hostcue.notifications.targets import split_urls

_SHORTEST = 4  # shorter texts occur in any sentence
_SHORTEST_COOKIE_VALUE = 8  # the values of a cookie that identify nobody are short: 1, zh-CN, web


class Concealer:
    """Replaces the settings' secrets, what is signed in URLs, and the name of the home folder."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        found = {secret for secret in secrets if len(secret) >= _SHORTEST}
        longest_first = sorted(found, key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first))) if found else None
        home = str(Path.home())
        self._home = re.compile(re.escape(home) + r"(?![\w.-])") if len(home) > 1 else None

    @classmethod
    def of(cls, settings: Settings) -> Concealer:
        """For everything secret in the settings."""
        return cls(_secrets(settings))

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._secret is not None:
            text = self._secret.sub("***", text)
        text = redact_text(text)
        return self._home.sub("~", text) if self._home is not None else text

    def within(self, value: object) -> object:
        """The same for every text inside a JSON value."""
        match value:
            case str():
                return self(value)
            case Mapping():
                return {str(name): self.within(item) for name, item in value.items()}
            case list() | tuple():
                return [self.within(item) for item in value]
            case _:
                return value


def _secrets(settings: Settings) -> Iterable[str]:
    for secret in (
        settings.dashscope_api_key,
        settings.token,
        settings.douyin_cookie,
        settings.webhook_secret,
        settings.secret_key,
        settings.relay_token,
        settings.relay_url,
        settings.browser_cdp_url,
    ):
        yield _open(secret).strip()
    for urls in (settings.webhook_urls, settings.notify_urls):
        yield from split_urls(_open(urls))
    for pair in _open(settings.douyin_cookie).split(";"):
        value = pair.partition("=")[2].strip()
        if len(value) >= _SHORTEST_COOKIE_VALUE:
            yield value
    for url in (settings.http_proxy, settings.https_proxy, settings.qwen_base_url):
        password = _password(url or "")
        yield password
        yield unquote(password)


def _open(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret is not None else ""


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""
