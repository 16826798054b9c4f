"""Pages of a window, against a plain list of what was given."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import cast

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hostcue.errors import BadRequest
from hostcue.model.comment import Comment, CommentKind
from hostcue.storage.comments import STORED_KINDS, Comments
from hostcue.storage.database import Database

TIMES = st.integers(0, 12)
GIVEN = st.lists(
    st.tuples(st.integers(0, 15), TIMES, st.sampled_from(("chat", "gift", "like"))), max_size=40
)


ROOMS = count()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file made once, with a room of its own for each example."""
    return f"sqlite:///{tmp_path_factory.mktemp('pages') / 'a.db'}"


def comment(number: int, ts: int, kind: str = "chat", room: str = "r") -> Comment:
    return Comment(f"m{number}", "douyin", room, "", "", ts, cast("CommentKind", kind))


async def paged(
    store: Comments, room: str, start: int, end: int, size: int, kinds: list[CommentKind] | None
) -> list[Comment]:
    found: list[Comment] = []
    after = None
    while page := await store.get_comments_between(
        room, start, end, size, after=after, kinds=kinds
    ):
        assert len(page) <= size
        found += [item.comment for item in page]
        after = page[-1].row_id
    return found


@settings(max_examples=25, deadline=None)
@given(
    given_in=st.lists(GIVEN, max_size=4),
    start=TIMES,
    end=TIMES,
    size=st.integers(1, 7),
    kinds=st.sampled_from((None, ["chat"], ["gift", "chat"])),
)
def test_pages_hold_what_a_plain_list_holds(
    given_in: list[list[tuple[int, int, str]]],
    start: int,
    end: int,
    size: int,
    kinds: list[CommentKind] | None,
    url: str,
) -> None:
    async def check(room: str) -> None:
        first: dict[str, Comment] = {}
        async with Database.open(url) as database:
            store = Comments(database)
            for batch in given_in:
                comments = [comment(*values, room=room) for values in batch]
                await store.take(comments)
                for item in comments:
                    if item.kind in STORED_KINDS:
                        first.setdefault(item.id, item)
            in_window = [c for c in first.values() if start <= c.ts_ms < end]
            wanted = sorted(
                (c for c in in_window if kinds is None or c.kind in kinds), key=lambda c: c.ts_ms
            )
            assert await paged(store, room, start, end, size, kinds) == wanted
            whole = [page async for page in store.pages(room, start, end, size=size)]
            assert [stored.comment for page in whole for stored in page] == sorted(
                in_window, key=lambda c: c.ts_ms
            )

    anyio.run(check, f"r{next(ROOMS)}")


async def test_a_page_after_a_deleted_comment_is_refused_rather_than_doubled(
    database: Database,
) -> None:
    store = Comments(database)
    stored = await store.take([comment(number, number) for number in range(5)])
    await store.delete([stored[2].row_id])
    with pytest.raises(BadRequest) as caught:
        await store.get_comments_between("r", 0, 9, 2, after=stored[2].row_id)
    assert caught.value.field == "after"


async def test_the_number_of_a_deleted_comment_is_not_given_out_again(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with Database.open(url) as database:
        store = Comments(database)
        (last,) = await store.take([comment(1, 1)])
        await store.delete([last.row_id])
    async with Database.open(url) as database:
        (next_one,) = await Comments(database).take([comment(2, 2)])
    assert next_one.row_id > last.row_id


async def test_numbers_that_duplicates_would_have_had_are_given_to_others(
    database: Database,
) -> None:
    store = Comments(database)
    (first,) = await store.take([comment(1, 1)])
    await store.take([comment(1, 1), comment(1, 1)])
    first_again, *rest = await store.take([comment(2, 2), comment(1, 1), comment(3, 3)])
    assert first_again.row_id == first.row_id + 1
    assert database.last_id == rest[-1].row_id
