"""Chat channels, mail and the like through the `apprise` library (extra `notify`).

The library works in a process of its own for the second that a message takes. Only so can it be
given our proxies, which it takes from its environment and nowhere else, and can a channel that
hangs be ended; what it logs, URLs included, goes nowhere, and its 50 MB are not the server's.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import anyio

from hostcue.errors import ConfigError, DeliveryFailed, TransportFailed
from hostcue.model.json_text import member, to_json
from hostcue.model.network import Proxies
from hostcue.model.notification import RECOVERY_OF, Notification, Target
from hostcue.notifications.targets import target_of

_COMMAND = (sys.executable, "-m", "hostcue.notifications.apprise_process")
_LOOPBACK = ("localhost", "127.0.0.0/8", "127.0.0.1", "::1")
_OURS = ("HOSTCUE_", "DASHSCOPE_", "DOUYIN_", "QWEN_")
_GOOD_NEWS = {*RECOVERY_OF.values(), "live_started", "test"}


class AppriseNotifier:
    """One channel, as an apprise URL names it."""

    at_once = 10

    def __init__(self, url: str, *, proxies: Proxies, timeout_s: float = 30.0) -> None:
        self.target: Target = target_of("apprise", url)
        self._url = url
        self._environment = environment_with(proxies)
        self._timeout_s = timeout_s

    async def send(self, notification: Notification, delivery_id: str) -> None:
        """One try; channels take no delivery id, so after a crash a message may come twice."""
        order: dict[str, object] = {
            "url": self._url,
            "title": notification.title,
            "text": notification.text,
            "good": notification.kind in _GOOD_NEWS,
            "within_s": self._timeout_s,
        }
        self._look_at(await self._ask(order))

    async def check(self) -> None:
        """Whether the library understands the address; nothing is sent.

        Raises:
            ConfigError: it does not.
            UpstreamError: it could not be asked.
        """
        self._look_at(await self._ask({"url": self._url, "within_s": self._timeout_s}))

    async def _ask(self, order: dict[str, object]) -> object:
        if not installed():
            raise ConfigError(
                "HOSTCUE_NOTIFY_URLS needs the apprise package",
                field="HOSTCUE_NOTIFY_URLS",
                remedy="pip install 'hostcue[notify]'",
            )
        try:
            with anyio.fail_after(self._timeout_s):
                done = await anyio.run_process(
                    _COMMAND,
                    input=to_json(order).encode(),
                    stderr=subprocess.DEVNULL,
                    env=self._environment,
                    check=False,
                )
        except TimeoutError:
            raise TransportFailed(
                f"the channel did not take the message within {self._timeout_s:g} s"
            ) from None
        except (OSError, anyio.BrokenResourceError):
            raise _broken() from None
        try:
            return json.loads(done.stdout.splitlines()[-1])
        except (ValueError, IndexError):
            raise _broken() from None

    def _look_at(self, answer: object) -> None:
        problem = member(answer, "problem")
        if problem is None:
            return
        match str(problem):
            case "url":
                raise ConfigError(
                    f"apprise does not understand {self.target.label}",
                    field="HOSTCUE_NOTIFY_URLS",
                    remedy="see https://appriseit.com/services for how each channel is written",
                )
            case "verify":
                raise ConfigError(
                    f"{self.target.label} is set not to check certificates (verify=no)",
                    field="HOSTCUE_NOTIFY_URLS",
                    remedy="leave verify=no out; give a private authority in REQUESTS_CA_BUNDLE",
                )
            case status if status.isdecimal():
                final = status.startswith("4") and status not in {"408", "429"}
                raise DeliveryFailed(
                    f"the channel answered HTTP {status}",
                    code=f"http_{status}",
                    retryable=not final,
                )
            case _:
                raise TransportFailed("the channel did not take the message")


def installed() -> bool:
    """Whether the extra is there."""
    return find_spec("apprise") is not None


def environment_with(proxies: Proxies) -> dict[str, str]:
    """This process's environment with these proxies instead of its own, and none of our secrets.

    The library's HTTP follows them; mail and MQTT, which it sends too, know no proxies.
    """
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_OURS) and not name.upper().endswith("_PROXY")
    }
    return kept | _proxy_variables(proxies)


def _proxy_variables(proxies: Proxies) -> dict[str, str]:
    https = proxies.https or proxies.http
    named = {
        "http_proxy": proxies.http,
        "https_proxy": https,
        "no_proxy": ",".join((*_LOOPBACK, *proxies.bypass)),
    }
    return {name: value for name, value in named.items() if value}


def _broken() -> DeliveryFailed:
    return DeliveryFailed(
        "apprise could not be run",
        code="apprise_broke",
        retryable=True,
        remedy="see hostcue doctor",
    )
