"""What happened in a room in each minute: numbers of everything, names of nobody."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import select, tuple_

from hostcue.model.comment import Comment, RoomStats
from hostcue.storage import tables, viewer_sketch
from hostcue.storage.database import Database, Transaction

_T = tables.comment_minutes
MINUTE_MS = 60_000
_LARGEST = 10**9
"""No count from outside is believed beyond it: sums have to fit the database's integers."""

_ADD = """
INSERT INTO comment_minutes (
  room_id, start_ts, chats, likes, enters, follows, gifts, diamonds,
  online, online_ts, online_peak, came, viewers
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (room_id, start_ts) DO UPDATE SET
  chats = chats + excluded.chats,
  likes = likes + excluded.likes,
  enters = enters + excluded.enters,
  follows = follows + excluded.follows,
  gifts = gifts + excluded.gifts,
  diamonds = diamonds + excluded.diamonds,
  online = iif(coalesce(excluded.online_ts >= online_ts, online_ts IS NULL),
    excluded.online, online),
  online_ts = max(coalesce(online_ts, excluded.online_ts), coalesce(excluded.online_ts, online_ts)),
  online_peak = max(
    coalesce(online_peak, excluded.online_peak), coalesce(excluded.online_peak, online_peak)
  ),
  came = max(coalesce(came, excluded.came), coalesce(excluded.came, came)),
  viewers = excluded.viewers
"""


@dataclass(frozen=True, slots=True)
class CommentMinute:
    """One minute of a room, from `start_ms` on; only minutes in which something came have one.

    `likes` and `gifts` count what was given, not messages. `viewers` is how many different people
    showed up in it, about 3 % off where they are thousands. `online` is the last number told,
    `came` how many came since the broadcast began; both are the platform's and None if not told.
    """

    start_ms: int
    chats: int
    likes: int
    enters: int
    follows: int
    gifts: int
    diamonds: int
    viewers: int
    online: int | None
    online_peak: int | None
    came: int | None


class CommentMinutes:
    """Table `comment_minutes`, for reading."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def between(
        self, room_id: str, start_ms: int, end_ms: int, limit: int = 1440
    ) -> list[CommentMinute]:
        """The minutes that begin in `[start_ms, end_ms)`, oldest first, `limit` of them."""
        query = (
            select(_T)
            .where(_T.c.room_id == room_id, _T.c.start_ts >= start_ms, _T.c.start_ts < end_ms)
            .order_by(_T.c.start_ts)
            .limit(limit)
        )
        async with self._db.read() as connection:
            rows = (await connection.execute(query)).all()
        return [
            CommentMinute(
                start_ms=row.start_ts,
                chats=row.chats,
                likes=row.likes,
                enters=row.enters,
                follows=row.follows,
                gifts=row.gifts,
                diamonds=row.diamonds,
                viewers=viewer_sketch.estimate(viewer_sketch.sketch_of(row.viewers)),
                online=row.online,
                online_peak=row.online_peak,
                came=row.came,
            )
            for row in rows
        ]


@dataclass(slots=True)
class _Counts:
    """What a batch adds to one minute."""

    chats: int = 0
    likes: int = 0
    enters: int = 0
    follows: int = 0
    gifts: int = 0
    diamonds: int = 0
    online: tuple[int, int] | None = None  # when it was told, and the number
    online_peak: int | None = None
    came: int | None = None
    viewers: set[str] = field(default_factory=set[str])

    def count(self, comment: Comment) -> None:
        if comment.viewer:
            self.viewers.add(comment.viewer)
        match comment.kind:
            case "chat":  # what the platform sums up is no line of a viewer
                self.chats += comment.metadata.get("form") != "hot"
            case "like":
                self.likes += _number(comment.metadata.get("count"), 1)
            case "enter":
                self.enters += 1
            case "follow":
                self.follows += 1
            case "gift":
                self.gifts += _number(comment.metadata.get("count"), 1)
                self.diamonds += _number(comment.metadata.get("diamonds"), 0)
            case "share" | "fans_club":
                pass

    def note(self, stats: RoomStats) -> None:
        self.online = max(self.online or (0, 0), (stats.ts_ms, stats.online))
        self.online_peak = max(self.online_peak or 0, stats.online)
        if stats.total:  # some platforms do not tell it
            self.came = max(self.came or 0, stats.total)


_Key = tuple[str, int]


class MinuteCounts:
    """Adds to the table within the transaction of the batch that is counted.

    Keeps the sketches of the minutes under way, so that they are not read again for each batch.
    """

    def __init__(self, *, most: int = 256) -> None:
        self._most = most
        self._sketches: OrderedDict[_Key, bytearray] = OrderedDict()

    async def add(
        self, tx: Transaction, comments: Iterable[Comment], stats: Iterable[RoomStats]
    ) -> None:
        """Count comments that were not counted before, and what the platform says of the room."""
        minutes: dict[_Key, _Counts] = {}
        for comment in comments:
            _of(minutes, comment).count(comment)
        for told in stats:
            _of(minutes, told).note(told)
        if not minutes:
            return
        sketches = await self._sketched(tx, minutes)
        await tx.connection.exec_driver_sql(
            _ADD, [_row(key, counts, sketches[key]) for key, counts in minutes.items()]
        )

    async def _sketched(
        self, tx: Transaction, minutes: Mapping[_Key, _Counts]
    ) -> dict[_Key, bytearray]:
        """The sketches with the viewers of the batch.

        One of a batch that is rolled back is kept all the same: it is given again, and a viewer
        counts once however often.
        """
        missing = [key for key in minutes if key not in self._sketches]
        if missing:
            query = select(_T.c.room_id, _T.c.start_ts, _T.c.viewers).where(
                tuple_(_T.c.room_id, _T.c.start_ts).in_(missing)
            )
            found = {(row[0], row[1]): row[2] for row in await tx.connection.execute(query)}
            for key in missing:
                self._sketches[key] = viewer_sketch.sketch_of(found.get(key, b""))
        for key, counts in minutes.items():
            viewer_sketch.note(self._sketches[key], counts.viewers)
            self._sketches.move_to_end(key)
        sketches = {key: self._sketches[key] for key in minutes}
        while len(self._sketches) > self._most:
            self._sketches.popitem(last=False)
        return sketches


class Passed:
    """Which likes and enters were counted already, of the last ones."""

    def __init__(self, most: int = 50_000) -> None:
        self._most = most
        self._seen: dict[int, None] = {}  # hashes, in the order they came

    def unknown(self, comments: Iterable[Comment]) -> list[Comment]:
        """Those that were not counted, each once."""
        found: dict[int, Comment] = {}
        for comment in comments:
            key = _hash(comment)
            if key not in self._seen:
                found.setdefault(key, comment)
        return list(found.values())

    def remember(self, comments: Iterable[Comment]) -> None:
        """They are counted now."""
        self._seen.update((_hash(comment), None) for comment in comments)
        for key in list(islice(self._seen, max(0, len(self._seen) - self._most))):
            del self._seen[key]


def _hash(comment: Comment) -> int:
    return hash((comment.platform, comment.room_id, comment.id))


def _of(minutes: dict[_Key, _Counts], event: Comment | RoomStats) -> _Counts:
    """The counts of the event's minute, made when it is the first in it."""
    key = event.room_id, event.ts_ms - event.ts_ms % MINUTE_MS
    counts = minutes.get(key)
    if counts is None:
        counts = minutes[key] = _Counts()
    return counts


def _row(key: _Key, counts: _Counts, sketch: bytearray) -> tuple[object, ...]:
    online_ms, online = counts.online or (None, None)
    return (
        *key,
        counts.chats,
        counts.likes,
        counts.enters,
        counts.follows,
        counts.gifts,
        counts.diamonds,
        online,
        online_ms,
        counts.online_peak,
        counts.came,
        viewer_sketch.packed(sketch),
    )


def _number(text: str | None, otherwise: int) -> int:
    """A count as a source has it; what is none is `otherwise`."""
    if text is None or not text[:12].isdecimal():
        return otherwise
    return min(int(text[:12]), _LARGEST)
