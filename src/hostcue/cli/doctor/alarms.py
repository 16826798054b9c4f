"""The check of where alarms go; it sends nothing."""

from __future__ import annotations

from hostcue.cli.doctor.finding import Outcome
from hostcue.config import Settings
from hostcue.notifications.apprise import AppriseNotifier
from hostcue.wiring.notifications import open_notifiers

_TRY_IT = "`hostcue notify test` sends a message to each while the server runs"


async def alarms(settings: Settings) -> Outcome[None]:
    """The targets, and whether what they need is there."""
    async with open_notifiers(settings) as notifiers:
        targets = [notifier.target for notifier in notifiers]
        for notifier in notifiers:
            if isinstance(notifier, AppriseNotifier):
                await notifier.check()
    if not targets:
        return Outcome(
            None,
            "none: alarms are shown on the page alone, "
            "HOSTCUE_NOTIFY_URLS or HOSTCUE_WEBHOOK_URLS would send them",
            facts={"targets": 0},
        )
    labels = ", ".join(target.label for target in targets)
    kinds = [target.kind for target in targets]
    return Outcome(None, f"{labels}; {_TRY_IT}", facts={"targets": len(kinds), "kinds": kinds})
