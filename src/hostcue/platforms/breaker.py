"""When an endpoint that refuses us, or fails, is asked again."""

from __future__ import annotations

from hostcue.errors import Blocked, RateLimited, TransportFailed, UpstreamChanged, UpstreamError

_NEXT_TRY_S = 1.0  # somebody is trying it: so soon it is known how that ended


class Breaker:
    """Stops the questions to one endpoint after failures in a row; a refusal stops them at once.

    Each time it opens it stays so for longer. Then one try is let through: its success closes the
    breaker, its failure opens it anew. An answer that is not understood may be one room's fault,
    so only those of different rooms add up. What could not be reached, maybe for want of a network
    here, is tried again soon, however often it failed.

    Args:
        failures: how many in a row open it.
        open_s: for how long the first time.
        growth: times as long each further time.
        longest_s: never longer than that.
        unreachable_s: never longer than that where nothing could be reached.
    """

    def __init__(
        self,
        *,
        failures: int = 3,
        open_s: float = 180.0,
        growth: float = 1.5,
        longest_s: float = 1800.0,
        unreachable_s: float = 30.0,
    ) -> None:
        self._failures = failures
        self._open_s = open_s
        self._growth = growth
        self._longest_s = longest_s
        self._unreachable_s = unreachable_s
        self._run = 0
        self._not_understood: set[str] = set()
        self._openings = 0
        self._until_s = 0.0
        self._trying = False
        self._cause: UpstreamError | None = None

    @property
    def at_rest(self) -> bool:
        """Whether there is nothing to remember."""
        return not (self._run or self._openings)

    def check(self, who: str, now_s: float) -> None:
        """Raise why `who` is not asked now, and when it will be, if the breaker is open.

        Raises:
            UpstreamError: of the kind that opened it, with `retry_after_s`.
        """
        if self._cause is None:
            return
        wait_s = self._until_s - now_s
        if wait_s <= 0 and self._trying:
            wait_s = _NEXT_TRY_S
        if wait_s > 0:
            raise _closed(who, self._cause, wait_s)

    def admit(self, who: str, now_s: float) -> bool:
        """As `check`; whether this question is the one try after which the breaker may close."""
        self.check(who, now_s)
        self._trying = self._cause is not None
        return self._trying

    def succeeded(self, *, trying: bool) -> None:
        """The endpoint answered; what was asked before the breaker opened doesn't close it."""
        if trying or self._cause is None:
            self._run, self._openings, self._trying = 0, 0, False
            self._not_understood.clear()
            self._cause = None

    def failed(self, cause: UpstreamError, now_s: float, *, trying: bool, room: str = "") -> bool:
        """Count a failure; whether it opened the breaker."""
        if not trying:
            if self._cause is not None or not self._counts(cause, room):
                return False
            self._run += 1
            if self._run < self._failures and not _is_refusal(cause):
                return False
        self._trying = False
        span_s = min(self._open_s * self._growth**self._openings, self._longest_s)
        if isinstance(cause, TransportFailed):
            span_s = min(span_s, self._unreachable_s)
        else:
            self._openings += 1
        asked_for_s = min(cause.retry_after_s or 0.0, self._longest_s)
        self._until_s = now_s + max(span_s, asked_for_s)
        self._cause = cause
        return True

    def let_go(self, *, trying: bool) -> None:
        """The question was given up; nothing was learnt."""
        if trying:
            self._trying = False

    def _counts(self, cause: UpstreamError, room: str) -> bool:
        if not (room and isinstance(cause, UpstreamChanged)):
            return True
        known = room in self._not_understood
        self._not_understood.add(room)
        return not known


def _is_refusal(cause: UpstreamError) -> bool:
    return isinstance(cause, (Blocked, RateLimited))


def _closed(who: str, cause: UpstreamError, wait_s: float) -> UpstreamError:
    """The error for who comes while the breaker is open."""
    again = f"it is asked again in {_duration(wait_s)}"
    error: UpstreamError
    match cause:
        case Blocked():
            error = Blocked(f"{who} blocks us; {again}", remedy=cause.remedy)
        case RateLimited():
            text = f"{who} asked us to slow down; {again}"
            error = RateLimited(text, retry_after_s=wait_s, remedy=cause.remedy)
        case UpstreamChanged():
            text = f"{who} answers in a way we do not understand; {again}"
            error = UpstreamChanged(text, remedy=cause.remedy)
        case _:
            text = f"{who} could not be asked several times in a row; {again}"
            error = TransportFailed(text, remedy=cause.remedy)
    error.retry_after_s = wait_s
    return error


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(1, round(seconds)), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
