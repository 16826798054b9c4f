"""The way by asking: `im/fetch` again and again, each time for what came after the last answer."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import anyio

from hostcue.comments.douyin.behind import FULL_ANSWER
from hostcue.comments.douyin.inbox import Delivery
from hostcue.comments.douyin.ways import Connection, Visit
from hostcue.model.comment import Way
from hostcue.platforms.douyin.pb import webcast_pb2 as pb

_LONGEST_S = 30.0  # whatever interval the platform names


class PollingWay:
    """The `CommentWay` by asking.

    Args:
        interval_s: between two questions, or longer if the platform says so.
        least_s: never shorter, not even in a room where one answer cannot hold what was said:
            who asks more often risks the address (seen 2024).
    """

    name: Way = "polling"

    def __init__(self, *, interval_s: float = 3.0, least_s: float = 1.0) -> None:
        self._interval_s = max(interval_s, least_s)
        self._least_s = least_s

    @asynccontextmanager
    async def open(self, visit: Visit) -> AsyncGenerator[Connection]:
        """See `CommentWay.open`; the first answer has come when this is entered."""
        asking = _Asking(visit, self._interval_s, self._least_s)
        asking.answer = await asking.ask()
        yield asking


class _Asking:
    """The `Connection` of questions and answers."""

    def __init__(self, visit: Visit, interval_s: float, least_s: float) -> None:
        self._visit = visit
        self._least_s = least_s
        self._interval_s = interval_s
        self._next_s = 0.0
        self._visitor = ""  # who asked
        self.answer: pb.Response | None = None  # not read yet

    async def ask(self) -> pb.Response:
        """One question, when it is time for it."""
        await anyio.sleep_until(self._next_s)
        self._next_s = anyio.current_time() + self._interval_s
        resume, self._visitor = self._visit.resume, self._visit.visitor
        data = await self._visit.web.fetch(
            self._visit.room.room_id, cursor=resume.cursor, internal_ext=resume.internal_ext
        )
        return self._visit.inbox.open_answer(data)

    async def receive(self) -> Delivery:
        """See `Connection.receive`; what an answer says is read at once when it is there."""
        answer, self.answer = self.answer or await self.ask(), None
        asked_s = self._next_s - self._interval_s
        interval_s = self._least_s if len(answer.messages) >= FULL_ANSWER else self._interval_s
        wanted_s = min(answer.fetch_interval / 1000, _LONGEST_S)
        self._next_s = asked_s + max(interval_s, wanted_s)
        events = self._visit.read_response(answer, visitor=self._visitor)
        return Delivery(events, spoke=bool(answer.messages))
