"""How often a platform is asked at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import anyio

from hostcue.errors import RateLimited

_ROUNDING_S = 0.001
_patient: ContextVar[bool] = ContextVar("patient", default=False)


@contextmanager
def patiently() -> Iterator[None]:
    """What is asked inside lets others go first: no person and no recording waits for it."""
    before = _patient.set(True)
    try:
        yield
    finally:
        _patient.reset(before)


class Budget:
    """A token bucket: `burst` questions at once, then `per_s` a second.

    They come in the order they are asked, after all others those asked `patiently`. Who would have
    to wait longer than `patience_s` is told so at once.
    """

    def __init__(
        self, who: str, *, per_s: float = 1.0, burst: int = 5, patience_s: float = 15.0
    ) -> None:
        self._who = who
        self._interval_s = 1 / per_s
        self._ahead_s = (burst - 1) * self._interval_s
        self._patience_s = patience_s
        self._free_s = float("-inf")  # from then on the bucket is full
        self._urgent: list[object] = []
        self._others: list[object] = []
        self._moved = anyio.Event()

    async def take(self) -> None:
        """Wait until it is our turn; one that is given up while waiting is the next one's.

        Raises:
            RateLimited: too many wait already.
        """
        queue, turn = self._others if _patient.get() else self._urgent, object()
        late_s = anyio.current_time() + self._patience_s
        queue.append(turn)
        try:
            while (wait_s := self._wait_s(turn)) > 0:
                if wait_s > late_s - anyio.current_time() + _ROUNDING_S:
                    raise self._too_many(wait_s)
                is_next = [*self._urgent, *self._others][0] is turn
                with anyio.move_on_after(wait_s if is_next else float("inf")):
                    await self._moved.wait()
            self._free_s = max(self._free_s, anyio.current_time()) + self._interval_s
        finally:
            queue.remove(turn)
            self._moved.set()
            self._moved = anyio.Event()

    def _wait_s(self, turn: object) -> float:
        before = [*self._urgent, *self._others].index(turn)
        now_s = anyio.current_time()
        return max(self._free_s, now_s) + before * self._interval_s - self._ahead_s - now_s

    def _too_many(self, wait_s: float) -> RateLimited:
        return RateLimited(
            f"too many questions to {self._who} wait for their turn",
            retry_after_s=wait_s,
            remedy="wait a little: so that it does not block us, few are asked per second",
        )
