"""One broadcast's comments, over as many connections and ways as it takes."""

from __future__ import annotations

from dataclasses import dataclass

import anyio
import structlog
from anyio.abc import TaskStatus

from hostcue.comments.backlog import Backlog
from hostcue.comments.backoff import Backoff
from hostcue.comments.douyin.behind import Behind, look_behind
from hostcue.comments.douyin.chain import (
    END_ANNOUNCED,
    LOST,
    QUIET,
    SILENT,
    STALLED,
    Chain,
    Ending,
)
from hostcue.comments.douyin.inbox import Delivery
from hostcue.comments.douyin.places import Seats
from hostcue.comments.douyin.visitor import check_live, in_time, is_offline
from hostcue.comments.douyin.ways import CommentWay, Connection, Visit
from hostcue.comments.ledger import Ledger
from hostcue.errors import AuthRequired, Blocked, HostcueError, UpstreamChanged
from hostcue.model.comment import LiveEvent, RoomControl, WayTaken

log = structlog.get_logger(__name__)

ROOMS_LIMIT = "rooms_limit"
"""The cause of the gap in which a room waits for a place."""

_MOST_ANSWERS, _BETWEEN_ANSWERS_S = 3, 1.0  # then the next connection goes on by the cursor
_MAX_SILENCE_DOUBLINGS = 3  # a dead-quiet room is asked for less and less often


@dataclass(frozen=True, slots=True)
class Timing:
    """How long what is borne; see `DouyinComments`."""

    silence_s: float
    confirm_s: float
    backoff_s: tuple[float, float]
    return_s: tuple[float, float]


class Session:
    """Reads a visit into a backlog until the broadcast ends.

    A gap opens when a connection ends, and lasts until messages come again. Where one falls
    silent, the platform is asked what came since the last message: what it has is filled in, and
    the gap is what it has not. When it has nothing the room is quiet, which is believed once in a
    row. On a way that is not the one liked best, those before it are tried from time to time,
    while it goes on: one that speaks takes its place. Both read into the same inbox, so nothing is
    missed between them and nothing comes twice.
    """

    def __init__(
        self, visit: Visit, chain: Chain, seats: Seats, backlog: Backlog, timing: Timing
    ) -> None:
        self._visit = visit
        self._chain = chain
        self._seats = seats
        self._backlog = backlog
        self._timing = timing
        self._ledger = Ledger(backlog, lambda: visit.inbox.tally)
        self._way: CommentWay | None = None
        self._moved_by: Ending | None = None  # of the way before
        self._return_s = timing.return_s[0]
        # Both since the last message:
        self._backoff = Backoff(*timing.backoff_s)
        self._silences = 0
        self._started: TaskStatus[None] | None = None

    async def run(self, *, task_status: TaskStatus[None]) -> None:
        """Fill the backlog until the broadcast ends; started means connected, or told to wait.

        Raises:
            HostcueError: it never came to that; later failures go into the backlog.
        """
        await check_live(self._visit.web, self._visit.room)
        self._started = task_status
        failure: HostcueError | None = None
        try:
            await self._take_place()
            try:
                await self._keep()
            finally:
                self._seats.leave()
        except HostcueError as exc:
            if self._started is not None:
                raise
            failure = exc
        finally:
            self._ledger.tell_tally(at_once=True)
            self._backlog.close(failure)
            log.info("douyin_comments_closed", dials=self._visit.dials)

    async def _take_place(self) -> None:
        if self._seats.take_now():
            return
        log.warning("comments_wait_for_place", rooms=self._seats.rooms)
        self._ledger.open(ROOMS_LIMIT)
        self._tell_started()
        await self._seats.take()
        try:
            await check_live(self._visit.web, self._visit.room)  # it may have been a long wait
        except BaseException:  # cancelled too: the place is ours by now
            self._seats.leave()
            raise

    async def _keep(self) -> None:
        while not await self._ended():
            pass
        self._ledger.close()

    async def _ended(self) -> bool:
        """Listen until a connection ends, and do what that asks for; true if all is over."""
        ending = await self._listen()
        if self._started is None:
            if ending.cause in SILENT:
                ending = await self._judge(ending)
            elif ending.cause != END_ANNOUNCED:
                self._ledger.open(ending.cause, self._missing_since_ms())
            try:
                if self._is_doubtful(ending) and await self._is_over(ending):
                    return True
            except (Blocked, AuthRequired) as exc:  # silent because we are not wanted
                ending = Ending.of(exc)
            if ending.cause == END_ANNOUNCED:  # the host was back at once
                ending = Ending(LOST)
            if ending.cause != QUIET:
                self._ledger.open(ending.cause)
        await self._go_on(ending)
        return False

    async def _judge(self, silence: Ending) -> Ending:
        """What a silence was, by what the platform has of it, which is filled in."""
        self._silences += 1
        asks = self._chain.way.name == "polling"  # and was told nothing all the time
        behind = None if asks else await look_behind(self._visit)
        if behind is not None and behind.events:
            self._ledger.fill(silence.cause, behind.first_ms, behind.last_ms)
            if self._put(behind.events) or await self._catch_up(behind):
                return Ending(END_ANNOUNCED)
        elif behind is not None and silence.cause == STALLED and self._silences == 1:
            return Ending(QUIET)
        self._ledger.open(silence.cause, self._ledger.heard_ms)
        return silence

    async def _catch_up(self, behind: Behind | None) -> bool:
        """Ask on for what one answer could not hold; true if the end was announced in it."""
        for _ in range(_MOST_ANSWERS):
            if behind is None or behind.last_ms is None:
                break
            await anyio.sleep(_BETWEEN_ANSWERS_S)
            behind = await look_behind(self._visit)
            if behind is not None:
                self._ledger.catch_up(behind.last_ms)
                if self._put(behind.events):
                    return True
        return False

    def _missing_since_ms(self) -> int | None:
        """Since when a connection that broke brought nothing; None is now.

        Only a socket of our own says so at once: a question may have gone unanswered since the
        last one, and a browser's page is given time to connect again by itself.
        """
        return None if self._chain.way.name == "websocket" else self._ledger.heard_ms

    def _is_doubtful(self, ending: Ending) -> bool:
        if ending.cause in {*SILENT, QUIET, END_ANNOUNCED}:
            return True
        return self._backoff.attempts > 0 and not ending.is_refusal

    async def _go_on(self, ending: Ending) -> None:
        way = self._chain.way
        match self._chain.after(ending):
            case "renew":
                await self._become_another(ending)
            case "next":
                self._moved_by = ending
                log.warning(
                    "comment_way_left",
                    room=self._visit.room.live_id,
                    way=way.name,
                    cause=ending.cause,
                    next=self._chain.way.name,
                )
            case "again":
                self._moved_by = ending
                await self._backoff.wait()

    async def _become_another(self, refusal: Ending) -> None:
        log.warning("douyin_identity_renewed", cause=refusal.cause)
        try:
            await in_time(self._visit.web.identity.renew())
        except HostcueError as exc:
            await self._go_on(Ending.of(exc))

    async def _is_over(self, ending: Ending) -> bool:
        """Whether the platform says so twice, its own announcement being once."""
        if not await is_offline(self._visit.web, self._visit.room):
            return False
        if ending.cause == END_ANNOUNCED:
            return True
        await anyio.sleep(self._timing.confirm_s)
        return await is_offline(self._visit.web, self._visit.room)

    async def _listen(self) -> Ending:
        """By the way that is taken, until it ends; where a better one speaks, by that one."""
        endings: list[Ending] = []
        async with anyio.create_task_group() as tasks:
            lesser = anyio.CancelScope()

            async def listen() -> None:
                with lesser:
                    endings.append(await self._by(self._chain.way))
                    tasks.cancel_scope.cancel()

            tasks.start_soon(listen)
            if better := self._chain.better:
                endings.append(await self._by_better(better, lesser))
                tasks.cancel_scope.cancel()
        return endings[-1]

    async def _by(self, way: CommentWay) -> Ending:
        try:
            await self._visit.turn()
            async with way.open(self._visit) as connection:
                self._take(way)
                return await self._read(connection)
        except HostcueError as exc:
            return Ending.of(exc)

    async def _by_better(self, better: tuple[CommentWay, ...], lesser: anyio.CancelScope) -> Ending:
        """Try the better ways from time to time; by the first that speaks, and only by it."""
        while True:
            await anyio.sleep(self._return_s)
            self._return_s = min(2 * self._return_s, self._timing.return_s[1])
            for way in better:
                if (ending := await self._instead(way, lesser)) is not None:
                    return ending

    async def _instead(self, way: CommentWay, lesser: anyio.CancelScope) -> Ending | None:
        """Listen by this way if it speaks, and end the lesser one; None if it does not."""
        try:
            await self._visit.turn()
            async with way.open(self._visit) as connection:
                if await self._speaks(connection):
                    lesser.cancel()
                    self._return_s, self._moved_by = self._timing.return_s[0], None
                    self._take(way)
                    return await self._read(connection)
        except HostcueError as exc:
            if lesser.cancel_called:
                return Ending.of(exc)
            log.info("better_way_still_closed", way=way.name, error=exc.code)
        return None

    async def _speaks(self, connection: Connection) -> bool:
        with anyio.move_on_after(self._timing.silence_s):
            while True:
                delivery = await connection.receive()
                self._pass_on(delivery)
                if delivery.spoke:
                    return True
        return False

    async def _read(self, connection: Connection) -> Ending:
        """Until it breaks, falls silent, or the end is announced on it.

        Raises:
            HostcueError: it broke.
        """
        garbled = False  # frames came, but none could be read
        quiet_since = anyio.current_time()
        while True:
            doublings = min(self._silences, _MAX_SILENCE_DOUBLINGS)
            patience_s = self._timing.silence_s * 2**doublings
            delivery: Delivery | None = None
            with anyio.CancelScope(deadline=quiet_since + patience_s) as patience:
                try:
                    delivery = await connection.receive()
                except UpstreamChanged as exc:
                    if not garbled:
                        log.warning("comment_frame_unreadable", error=exc.message)
                    garbled = True
            if delivery is not None:
                if self._pass_on(delivery):
                    return Ending(END_ANNOUNCED)
                if delivery.spoke:
                    garbled, quiet_since = False, anyio.current_time()
            elif patience.cancelled_caught:
                return Ending(UpstreamChanged.code if garbled else STALLED)

    def _pass_on(self, delivery: Delivery) -> bool:
        """Into the backlog; true if the platform announced the end among it."""
        if delivery.spoke:
            self._ledger.hear()
            self._chain.heard()
            self._backoff.reset()
            self._silences = 0
        announced = self._put(delivery.events)
        self._ledger.tell_tally()
        return announced

    def _put(self, events: tuple[LiveEvent, ...]) -> bool:
        for event in events:
            self._backlog.put(event)
        return any(isinstance(e, RoomControl) and e.action == "ended" for e in events)

    def _take(self, way: CommentWay) -> None:
        self._chain.opened(way)
        if way is not self._way:
            self._way = way
            left = self._moved_by
            self._backlog.put(
                WayTaken(way.name, left.cause, left.remedy) if left else WayTaken(way.name)
            )
        self._tell_started()

    def _tell_started(self) -> None:
        if self._started is not None:
            self._started.started()
            self._started = None
