"""What the viewers of a pretend room do, and how it comes to those who watch."""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

import anyio

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin import forms
from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.delivery import Delivery
from hostcue.sim.douyin.forms import Form, Notice
from hostcue.sim.douyin.messages import new_id, now_ms
from hostcue.sim.douyin.push import PushServer
from hostcue.sim.script import Kind, Line, selling_session
from hostcue.sim.signal import Signal

_SAID_MAX = 200_000  # a day or so; a room left running must not grow for ever
_FOLLOW, _SHARE = 1, 3
_SOMEBODY = "路过的小林"


class Audience:
    """Everybody in one room; `said` holds their comments as (msg_id, text, ts_ms)."""

    def __init__(self, broadcast: Broadcast, push: PushServer, *, seed: int) -> None:
        self.said: list[tuple[int, str, int]] = []
        self._broadcast = broadcast
        self._push = push
        self._delivery = Delivery(broadcast, push, seed=seed)
        self._rng = random.Random(seed)  # noqa: S311 - a script, not a secret
        self._lines = selling_session(seed=seed)
        self._last: pb.Message | None = None
        self._watching, self._came, self._likes = 1200, 1200, 0
        self._is_quiet = False
        self._rates: dict[Kind, float] = {}
        self._rated = Signal()

    def say(
        self,
        text: str,
        user: str = _SOMEBODY,
        *,
        ts_ms: int | None = None,
        form: Form | None = None,
    ) -> int:
        """Somebody comments, now or with an older time; returns the message's id.

        By default a line of plain text; `form` is one of the others that comments have.
        """
        at_ms = now_ms() if ts_ms is None else ts_ms
        writer = self._broadcast.writer
        if form is None:
            message = writer.chat(text, user, at_ms)
        else:
            message = forms.comment(writer, form, text, user, at_ms)
        self.said.append((message.msg_id, text, at_ms))
        if len(self.said) > _SAID_MAX:
            del self.said[: _SAID_MAX // 2]
        self._last = message
        self._publish(message)
        return message.msg_id

    def gift(
        self, name: str = "小心心", user: str = _SOMEBODY, *, count: int = 1, diamonds: int = 1
    ) -> None:
        """Somebody gives `count` times in a row: a growing combo, then its summary."""
        if count > 1:
            self.gift_combo(range(1, count + 1), name, user, diamonds=diamonds)
        else:
            self._give(name, user, diamonds, group_id=0, count=1)

    def gift_combo(
        self,
        counts: Iterable[int],
        name: str = "玫瑰",
        user: str = _SOMEBODY,
        *,
        diamonds: int = 1,
        group_count: int = 1,
        ends: bool = True,
        twice: bool = False,
        group_id: int | None = None,
    ) -> None:
        """A combo that tells these `counts` so far, in this order: gaps and inversions are real.

        Without `ends` its summary never comes; `twice` sends each message again under another id.
        Two viewers may have combos of one `group_id`. A long press gives `group_count` at once.
        """
        group = new_id() if group_id is None else group_id
        told = list(counts)
        endings = [False] * len(told) + ([True] if ends else [])
        for so_far, is_end in zip([*told, max(told, default=0)], endings, strict=False):
            for _ in range(2 if twice else 1):
                self._give(
                    name,
                    user,
                    diamonds,
                    group_id=group,
                    count=so_far,
                    is_end=is_end,
                    group_count=group_count,
                )

    def like(self, user: str = _SOMEBODY, *, count: int = 3) -> None:
        """Somebody taps the screen a few times."""
        self._likes += count
        self._publish(self._broadcast.writer.like(count, self._likes, user))

    def enter_room(self, user: str = _SOMEBODY) -> None:
        """Somebody comes in."""
        self._watching += 1
        self._came += 1
        self._publish(self._broadcast.writer.enter(user, self._watching))

    def follow(self, user: str = _SOMEBODY) -> None:
        """Somebody follows the host."""
        self._publish(self._broadcast.writer.social(user, _FOLLOW))

    def share(self, user: str = _SOMEBODY) -> None:
        """Somebody shares the room."""
        self._publish(self._broadcast.writer.social(user, _SHARE))

    def fans_club(self, user: str = _SOMEBODY, *, joins: bool = True) -> None:
        """Somebody joins the host's club, or rises in it."""
        self._publish(forms.fans_club(self._broadcast.writer, user, joins=joins))

    def show_product(self, title: str, *, price_fen: int = 8900) -> None:
        """The host puts another product into the cart's first place."""
        self._publish(self._broadcast.writer.product(title, price_fen))

    def change_products(self, titles: Sequence[str], *, shown: int = 1) -> None:
        """The cart's list is another; number `shown` of it, from 1, is explained now."""
        self._publish(forms.products(self._broadcast.writer, titles, shown))

    def notice(self, kind: Notice, number: int = 2252) -> None:
        """The page's edges say something: how many there are, news of the shop, states."""
        self._publish(forms.notice(self._broadcast.writer, kind, number))

    def burst(self, n: int, kind: Kind = "chat") -> None:
        """So many at once."""
        for _ in range(n):
            self._act(self._line(kind))

    def rates(
        self,
        *,
        chat: float = 0,
        like: float = 0,
        enter: float = 0,
        follow: float = 0,
        gift: float = 0,
    ) -> None:
        """From now on, so many of each kind a second on average, beside the script."""
        rates: dict[Kind, float] = {
            "chat": chat,
            "like": like,
            "enter": enter,
            "follow": follow,
            "gift": gift,
        }
        self._rates = {kind: rate for kind, rate in rates.items() if rate > 0}
        self._rated.changed()

    def quiet(self, on: bool = True) -> None:
        """The script's viewers say nothing."""
        self._is_quiet = on

    def _publish(self, message: pb.Message) -> None:
        self._delivery.send(message)

    def _give(
        self,
        name: str,
        user: str,
        diamonds: int,
        *,
        group_id: int,
        count: int,
        is_end: bool = False,
        group_count: int = 1,
    ) -> None:
        self._publish(
            self._broadcast.writer.gift(
                name,
                user,
                diamonds=diamonds,
                count=count,
                group_id=group_id,
                is_end=is_end,
                group_count=group_count,
            )
        )

    def _line(self, kind: Kind) -> Line:
        return next(line for line in self._lines if line.kind == kind)

    def _act(self, line: Line) -> None:
        acts: dict[Kind, Callable[[], object]] = {
            "chat": lambda: self.say(line.text, line.user),
            "like": lambda: self.like(line.user),
            "enter": lambda: self.enter_room(line.user),
            "follow": lambda: self.follow(line.user),
            "gift": lambda: self.gift(line.text, line.user),
            "product": lambda: self.show_product(line.text),
        }
        acts[line.kind]()

    async def _play(self, lines: Iterable[Line]) -> None:
        due_s = anyio.current_time()
        for line in lines:
            due_s += line.delay_s
            await anyio.sleep_until(due_s)
            if self._broadcast.is_live and not self._is_quiet:
                self._act(line)

    async def _crowd(self) -> None:
        """Acts at the rates asked for; the order is the seed's, whatever the machine's speed."""
        while True:
            rates = self._rates
            if not rates:
                await self._rated.until(lambda: bool(self._rates))
                continue
            began_s = anyio.current_time()
            for due_s, kind in self._schedule(rates):
                await anyio.sleep_until(began_s + due_s)
                if self._rates is not rates:
                    break
                if self._broadcast.is_live:
                    self._act(self._line(kind))

    def _schedule(self, rates: dict[Kind, float]) -> Iterator[tuple[float, Kind]]:
        """Seconds after the begin, for ever: each kind comes by chance, at its rate."""
        order = count()
        waiting = [(self._rng.expovariate(rate), next(order), kind) for kind, rate in rates.items()]
        heapq.heapify(waiting)
        while True:
            due_s, _, kind = waiting[0]
            yield due_s, kind
            after_s = due_s + self._rng.expovariate(rates[kind])
            heapq.heapreplace(waiting, (after_s, next(order), kind))
