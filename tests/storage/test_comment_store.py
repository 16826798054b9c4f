"""Comments: once, by window, in order."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.clock import now_ms
from hostcue.model.comment import Comment, Gap, ProductChange
from hostcue.model.event import Event
from hostcue.model.window import Window
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database
from hostcue.storage.gaps import Gaps
from hostcue.storage.outbox import Outbox


def comment(number: int, *, ts: int = 1000, room: str = "r", kind: str = "chat") -> Comment:
    return Comment(
        id=f"m{number}",
        platform="douyin",
        room_id=room,
        user="甲",
        content=f"多少钱{number}",
        ts_ms=ts,
        kind=kind,  # type: ignore[arg-type] # the test names kinds by their text
        metadata={"level": "3"},
    )


async def test_a_comment_that_comes_twice_is_stored_once(database: Database) -> None:
    store = Comments(database)
    assert len(await store.take([comment(1), comment(2), comment(1)])) == 2
    assert [item.comment.id for item in await store.take([comment(2), comment(3)])] == ["m3"]
    assert len(await store.get_comments_between("r", 0, 5000)) == 3


async def test_the_same_id_in_another_room_is_another_comment(database: Database) -> None:
    store = Comments(database)
    await store.take([comment(1, room="a"), comment(1, room="b")])
    assert len(await store.get_comments_between("a", 0, 5000)) == 1


async def test_likes_and_enters_are_not_kept(database: Database) -> None:
    store = Comments(database)
    kinds = ("like", "enter", "gift", "follow")
    stored = await store.take([comment(n, kind=kind) for n, kind in enumerate(kinds)])
    assert [item.comment.kind for item in stored] == ["gift", "follow"]


async def test_a_window_holds_its_start_and_not_its_end(database: Database) -> None:
    store = Comments(database)
    await store.take([comment(n, ts=ts) for n, ts in enumerate((999, 1000, 1999, 2000))])
    found = await store.get_comments_between("r", 1000, 2000)
    assert [item.comment.ts_ms for item in found] == [1000, 1999]


async def test_pages_follow_each_other_without_loss(database: Database) -> None:
    store = Comments(database)
    await store.take([comment(n, ts=1000 + n // 3) for n in range(20)])
    seen: list[str] = []
    after = None
    while page := await store.get_comments_between("r", 0, 9999, 7, after=after):
        seen += [item.comment.id for item in page]
        after = page[-1].row_id
    assert seen == [f"m{n}" for n in range(20)]


async def test_what_is_stored_is_sent_out_after_the_commit(database: Database) -> None:
    heard: list[Event] = []
    database.on_commit(heard.extend)
    await Comments(database).take([comment(1)])
    assert heard[0].type == "chat"
    assert heard[0].data["content"] == "多少钱1"
    assert heard[0].id is not None


async def test_comments_and_events_of_a_room_are_replayed_in_one_order(database: Database) -> None:
    store = Comments(database)
    outbox = Outbox(database, store)
    await store.take([comment(1)])
    await store.gap("douyin", "r", Gap(10, "reset"))
    await store.take([comment(2), comment(3)])
    await store.product(ProductChange("r", 5, "p1", "77", "凉鞋", "上新"))
    await store.take([comment(9, room="other")])
    replayed: list[Event] = []
    after = 0
    while page := await outbox.with_comments_after("r", after, 2):
        replayed += page
        after = page[-1].id or 0
    assert [event.type for event in replayed] == ["chat", "gap", "chat", "chat", "product"]
    assert all((a.id or 0) < (b.id or 0) for a, b in pairwise(replayed))


async def test_a_client_older_than_what_is_kept_cannot_resume(database: Database) -> None:
    store = Comments(database)
    outbox = Outbox(database, store)
    await store.state("r", "live", "")
    await store.state("r", "ended", "")
    assert await outbox.can_resume("comments", 1)
    await outbox.prune(before_ms=2**53)
    assert not await outbox.can_resume("comments", 1)
    assert await outbox.can_resume("comments", database.last_id)
    assert not await outbox.can_resume("comments", database.last_id + 1)


async def test_a_room_was_heard_until_its_newest_comment_was_sent_not_until_it_was_stored(
    database: Database,
) -> None:
    store = Comments(database)
    assert await store.heard_until("douyin", "r") is None
    sent_ms = now_ms() - 1500  # it was waited for by asking, then for the disk
    await store.take([comment(1, ts=sent_ms), comment(2, ts=sent_ms - 9000)])
    assert await store.heard_until("douyin", "r") == sent_ms


async def test_old_comments_that_are_repeated_say_nothing_of_the_time_since(
    database: Database,
) -> None:
    store = Comments(database)
    before_ms = now_ms()
    await store.take([comment(1, ts=1000), comment(2, room="ahead", ts=before_ms + 90_000)])
    heard_ms = [await store.heard_until("douyin", room) for room in ("r", "ahead")]
    assert all(ms is not None and before_ms - 10_000 <= ms <= now_ms() for ms in heard_ms)


async def test_the_gaps_of_a_window_are_those_that_reach_into_it(database: Database) -> None:
    store, gaps = Comments(database), Gaps(database)
    for gap in (Gap(100, "stalled", 200), Gap(300, "stalled", 400), Gap(500, "overload")):
        await store.gap("douyin", "Room", gap)
    await store.gap("douyin", "room", Gap(250, "stalled", 260))
    await store.gap("douyin", "a_Room", Gap(250, "stalled", 260))
    await gaps.store("Room", Gap(250, "eof", 260))
    assert [gap.start_ms for gap in await gaps.of_comments("Room", 0, 1000)] == [100, 300, 500]
    assert [gap.start_ms for gap in await gaps.of_comments("Room", 200, 300)] == []
    assert [gap.start_ms for gap in await gaps.of_comments("Room", 199, 301)] == [100, 300]
    assert [gap.start_ms for gap in await gaps.of_comments("Room", 900, 901)] == [500]


edges = st.lists(st.integers(0, 10**6), min_size=2, max_size=20, unique=True).map(sorted)


@given(edges=edges, ts=st.integers(0, 10**6))
def test_neighbouring_windows_hold_each_moment_once(edges: list[int], ts: int) -> None:
    hits = sum(ts in Window(a, b) for a, b in pairwise(edges))
    assert hits == (1 if edges[0] <= ts < edges[-1] else 0)
