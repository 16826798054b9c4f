"""One target's messages, sent in order until each has arrived or is given up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import anyio
import structlog

from hostcue.errors import HostcueError, RateLimited, TransportFailed, UpstreamError
from hostcue.log import redact_text
from hostcue.model.clock import now_ms
from hostcue.model.notification import Delivery
from hostcue.notifications.texts import as_one
from hostcue.ports import Notifier
from hostcue.storage.deliveries import Deliveries

log = structlog.get_logger(__name__)

LONGEST_SLEEP_S = 60.0
"""The clock can be set, and a laptop can sleep: a timer is looked at again at least so often."""
_LONGEST_TRY_S = 60.0
_LONGEST_PAUSE_S = 900.0
"""A receiver that asks for more is tried again after this."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to try.

    After a failed try the next one waits `retry_after_s`, in turn; then the message is given up.
    What is older than `too_old_s` is not sent: after a long outage people want to know how things
    stand, not how they stood. What broke begins again after `broken_s`.
    """

    retry_after_s: tuple[float, ...] = (5, 30, 120, 300)
    too_old_s: float = 3600.0
    broken_s: float = 30.0


class Sender:
    """Sends what is stored for one target; a dead target delays no other."""

    def __init__(self, notifier: Notifier, deliveries: Deliveries, patience: Patience) -> None:
        self.notifier = notifier
        self._deliveries = deliveries
        self._patience = patience
        self._posted = anyio.Event()

    def wake(self) -> None:
        """There may be something to send."""
        self._posted.set()
        self._posted = anyio.Event()

    async def run(self) -> None:
        """Send for ever; it waits for `wake` while there is nothing."""
        while True:
            posted = self._posted
            waiting = await self._deliveries.pending(self.notifier.target.id, self.notifier.at_once)
            if not waiting:
                await posted.wait()
                continue
            wait_s = (waiting[0].due_ms - now_ms()) / 1000
            if 0 < wait_s <= _LONGEST_PAUSE_S:  # a longer wait means that the clock was set back
                await anyio.sleep(min(wait_s, LONGEST_SLEEP_S))
                continue
            batch: list[Delivery] = []
            skipped = []
            for delivery in waiting:
                if why := await self._obsolete(delivery, batch):
                    done = replace(delivery, state="skipped", error=why, updated_ms=now_ms())
                    skipped.append(done)
                else:
                    batch.append(delivery)
            if skipped:
                await self._deliveries.settle(skipped)
            if batch:
                tried = await attempt(self.notifier, batch, self._patience.retry_after_s)
                await self._deliveries.settle(tried)

    async def _obsolete(self, delivery: Delivery, batch: Sequence[Delivery]) -> str:
        """Why it need not be sent any more, with `batch` before it; empty when it must."""
        message = delivery.notification
        if now_ms() - message.created_ms > self._patience.too_old_s * 1000:
            return "too_old"
        alarm_id = message.alarm_id
        if not alarm_id or any(earlier.notification.id == alarm_id for earlier in batch):
            return ""
        if await self._deliveries.arrived(delivery.target.id, alarm_id):
            return ""
        return "alarm_not_delivered"  # nobody there knows what would be over


async def attempt(
    notifier: Notifier, batch: Sequence[Delivery], retry_after_s: tuple[float, ...]
) -> list[Delivery]:
    """One try of what can be sent at once, and how it all stands after it."""
    failure: Exception | None = None
    message = as_one([delivery.notification for delivery in batch])
    try:
        with anyio.fail_after(_LONGEST_TRY_S):
            await notifier.send(message, batch[0].id)
    except Exception as exc:  # noqa: BLE001 - whatever a channel does, it is one message's failure
        failure = exc
    done = [_after(delivery, failure, retry_after_s) for delivery in batch]
    for delivery in done:
        log.info(
            "notification_tried",
            target=delivery.target.label,
            kind=delivery.notification.kind,
            state=delivery.state,
            attempts=delivery.attempts,
            error=delivery.error,
        )
    return done


def _after(
    delivery: Delivery, failure: Exception | None, retry_after_s: tuple[float, ...]
) -> Delivery:
    now, tries = now_ms(), delivery.attempts + 1
    done = replace(delivery, attempts=tries, error="", message="", updated_ms=now)
    if failure is None:
        return replace(done, state="delivered")
    known = _as_ours(failure)
    done = replace(done, error=known.code, message=redact_text(known.message))
    again = isinstance(known, UpstreamError) and known.retryable
    if not again or tries > len(retry_after_s):
        return replace(done, state="failed")
    wait_s = retry_after_s[tries - 1]
    if isinstance(known, RateLimited):
        wait_s = max(wait_s, min(known.retry_after_s, _LONGEST_PAUSE_S))
    return replace(done, due_ms=now + round(wait_s * 1000))


def _as_ours(failure: Exception) -> HostcueError:
    if isinstance(failure, HostcueError):
        return failure
    if isinstance(failure, TimeoutError):
        return TransportFailed("the target did not take the message in time")
    log.error("notifier_failed", error=type(failure).__name__)  # its text may hold the address
    return TransportFailed(f"an internal error ({type(failure).__name__})")
