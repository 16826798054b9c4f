"""What a platform says of a room that somebody wants to have recorded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import anyio

from hostcue.errors import Conflict, HostcueError, RoomOffline, TransportFailed, UpstreamError
from hostcue.model.recording import RecordingPlan
from hostcue.model.room import LiveRoom, Room


def named(room: Room, plan: RecordingPlan) -> Room:
    """The room as the operator calls it where the platform has no name for it, or none yet."""
    nameless = room.platform == "direct" or not room.room_id
    return replace(room, anchor_name=plan.anchor_name) if plan.anchor_name and nameless else room


class Inquiries:
    """Questions under way; they end when the server stops.

    One that only wants to watch is answered after `answer_s`, whatever the platform does.
    """

    def __init__(
        self,
        resolve: Callable[[RecordingPlan], Awaitable[LiveRoom]],
        *,
        answer_s: float,
    ) -> None:
        self._resolve = resolve
        self._answer_s = answer_s
        self._scopes: set[anyio.CancelScope] = set()
        self._closed = False

    async def ask(self, plan: RecordingPlan) -> LiveRoom | HostcueError:
        """The room with its stream; with `monitor` also why it is not live now.

        Raises:
            HostcueError: it cannot be recorded now, or with `monitor` never.
        """
        with anyio.CancelScope() as scope:
            if plan.monitor:
                scope.deadline = anyio.current_time() + self._answer_s
            self._scopes.add(scope)
            try:
                live = await self._resolve(plan)
            except (RoomOffline, UpstreamError) as exc:
                if not plan.monitor:
                    raise
                return exc
            finally:
                self._scopes.discard(scope)
            return replace(live, room=named(live.room, plan))
        self.check()
        return TransportFailed("the platform has not answered yet")

    def check(self) -> None:
        """Whether a recording may begin.

        Raises:
            Conflict: the server is stopping.
        """
        if self._closed:
            raise Conflict("the server is stopping", remedy="start again when it is back")

    @property
    def closed(self) -> bool:
        """Whether the server is stopping."""
        return self._closed

    def close(self) -> None:
        """Nothing begins any more."""
        self._closed = True
        for scope in self._scopes:
            scope.cancel()
