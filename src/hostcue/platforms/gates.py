"""What keeps us from asking a platform too much: one budget, and a breaker per endpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import structlog

from hostcue.errors import (
    AuthRequired,
    Blocked,
    NotStreaming,
    RateLimited,
    RoomError,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.room import DEFAULT_ACCESS, Access
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget

log = structlog.get_logger(__name__)

_ANSWERS = (RoomError, AuthRequired, NotStreaming)
"""Errors that are a platform's answer: the endpoint works."""

_FAILURES = (Blocked, RateLimited, TransportFailed, UpstreamChanged)
_REMEMBERED = 256


class Gates:
    """All questions to one platform go through here.

    Who is refused is refused as somebody, by way of some network: each access has breakers of its
    own. What is recorded already does not pass here.

    Args:
        who: the platform's name, for texts.
        budget: of all questions together, whoever asks.
        breaker: makes the breaker of an endpoint.
    """

    def __init__(
        self,
        who: str,
        *,
        budget: Budget | None = None,
        breaker: Callable[[], Breaker] = Breaker,
    ) -> None:
        self._who = who
        self._budget = budget or Budget(who)
        self._new_breaker = breaker
        self._breakers: dict[tuple[str, Access], Breaker] = {}

    @asynccontextmanager
    async def asking(
        self,
        endpoint: str,
        *,
        access: Access = DEFAULT_ACCESS,
        room: str = "",
        counted: bool = True,
    ) -> AsyncIterator[None]:
        """Ask inside this context, once; how that ends is remembered.

        Not `counted` is what takes nothing from the budget: it follows a question that did.

        Raises:
            UpstreamError: the endpoint is not asked now; `retry_after_s` says when it will be.
        """
        breaker = self._breaker(endpoint, access)
        breaker.check(self._who, anyio.current_time())
        if counted:
            await self._budget.take()
        trying = breaker.admit(self._who, anyio.current_time())
        try:
            yield
        except _ANSWERS:
            breaker.succeeded(trying=trying)
            raise
        except _FAILURES as exc:
            if breaker.failed(exc, anyio.current_time(), trying=trying, room=room):
                log.warning("endpoint_rests", platform=self._who, endpoint=endpoint, code=exc.code)
            raise
        except BaseException:
            breaker.let_go(trying=trying)
            raise
        breaker.succeeded(trying=trying)

    def _breaker(self, endpoint: str, access: Access) -> Breaker:
        if (endpoint, access) not in self._breakers and len(self._breakers) >= _REMEMBERED:
            self._breakers = {k: b for k, b in self._breakers.items() if not b.at_rest}
            while len(self._breakers) >= _REMEMBERED:
                del self._breakers[next(iter(self._breakers))]
        return self._breakers.setdefault((endpoint, access), self._new_breaker())
