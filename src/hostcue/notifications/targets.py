"""What a list of target URLs in the settings means; such URLs are secrets as a whole."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import urlsplit

from hostcue.errors import ConfigError
from hostcue.model.notification import Target, TargetKind

_BETWEEN = re.compile(r"[\s,]+(?=[A-Za-z][A-Za-z0-9+.-]{0,31}://)")
_ID_CHARS = 8


def split_urls(text: str) -> tuple[str, ...]:
    """The URLs of a list; a comma inside a URL does not end it, one before the next URL does."""
    return tuple(filter(None, (url.strip(" \t\r\n,") for url in _BETWEEN.split(text))))


def target_of(kind: TargetKind, url: str) -> Target:
    """The target without what is secret in its URL.

    Of a webhook the host is shown. Of a channel only its kind is: Telegram, Bark and others have
    the key where a host would be.

    Raises:
        ConfigError: a webhook's URL is not one of http(s), or a channel's is no URL at all.
    """
    # short enough that it tells nothing of a URL with a key in it
    number = hashlib.sha256(url.encode()).hexdigest()[:_ID_CHARS]
    scheme, _, rest = url.partition("://")
    if kind == "apprise":
        if not rest or not scheme:
            raise ConfigError(
                "a channel's address is not a URL",
                field="HOSTCUE_NOTIFY_URLS",
                remedy="write it like tgram://..., see https://appriseit.com/services; several "
                "with commas between",
            )
        name = scheme.lower() if scheme.isalnum() else "unreadable"
        return Target(f"apprise-{number}", kind, f"{name}://*** ({number})")
    return Target(f"webhook-{number}", kind, f"{_origin(url)}/*** ({number})")


def _origin(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port, parts = None, None, urlsplit("")
    if not host or parts.scheme not in {"http", "https"} or not url.isprintable():
        raise no_webhook()
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{f':{port}' if port else ''}"


def no_webhook() -> ConfigError:
    """For an address that no webhook can have; it is not quoted."""
    return ConfigError(
        "a webhook's address is not an http(s) URL",
        field="HOSTCUE_WEBHOOK_URLS",
        remedy="write it like https://example.com/hook, several with commas between",
    )
