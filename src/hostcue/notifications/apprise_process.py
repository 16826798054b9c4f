"""Sends one message through apprise: an order in JSON on standard input, the outcome on output.

An order without a text asks only whether the address is understood.

The outcome is `{}` or `{"problem": ...}`: `url`, `verify`, an HTTP status, or `failed`.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import apprise

_STATUS = re.compile(r"\berror=([1-5]\d\d)\b")


def main() -> None:
    """Obey one order; ends by itself in time, also when nobody waits any more."""
    order = json.load(sys.stdin)
    watchdog = threading.Thread(target=_end_in_time, args=(float(order["within_s"]),), daemon=True)
    watchdog.start()
    if hasattr(os, "nice"):
        os.nice(10)  # recording goes first
    print(json.dumps(outcome_of(order)))  # noqa: T201 - standard output is the way back
    sys.stdout.flush()
    os._exit(0)  # the library's threads may still be busy


def outcome_of(order: dict[str, object]) -> dict[str, str]:
    """Send it, where there is something to send."""
    import apprise

    heard: list[str] = []
    logger = logging.getLogger("apprise")
    logger.propagate = False  # it can log URLs
    logger.addHandler(_Listener(heard))
    service = service_of(str(order["url"]))
    if service is None:
        return {"problem": "url"}
    if not service.verify_certificate:
        return {"problem": "verify"}
    if "text" not in order:
        return {}
    channel = apprise.Apprise()
    channel.add(service)
    kind = apprise.NotifyType.INFO if order["good"] else apprise.NotifyType.WARNING
    if channel.notify(
        str(order["text"]), title=str(order["title"]), notify_type=kind, body_format="text"
    ):
        return {}
    statuses = [found[1] for line in heard if (found := _STATUS.search(line))]
    return {"problem": statuses[-1] if statuses else "failed"}


def service_of(url: str) -> apprise.NotifyBase | None:
    """The channel; a long message goes in parts there, which it would refuse as a whole."""
    import apprise

    service = apprise.Apprise.instantiate(url)
    if isinstance(service, apprise.NotifyBase) and "overflow=" not in url:
        service.overflow_mode = apprise.OverflowMode.SPLIT
    return service


def _end_in_time(within_s: float) -> None:
    parent, end_s = os.getppid(), time.monotonic() + within_s
    while time.monotonic() < end_s and os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class _Listener(logging.Handler):
    """Keeps what is said in this process, for the status codes in it."""

    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


if __name__ == "__main__":
    main()
