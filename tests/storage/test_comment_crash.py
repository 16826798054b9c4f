"""A store that is killed between batches and inside them."""

from __future__ import annotations

import os
import random
import signal
import sys
from pathlib import Path

import anyio
from anyio.streams.text import TextReceiveStream

from hostcue.model.comment import Comment
from hostcue.storage.comment_minutes import CommentMinutes
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database

BATCH = 200

# Stores numbered comments and likes in batches from the number given on; says what is committed.
WRITER = f"""
import sys, anyio
from hostcue.model.comment import Comment
from hostcue.storage.comments import Comments
from hostcue.storage.database import Database

async def main(url, first):
    async with Database.open(url) as database:
        store = Comments(database)
        while True:
            batch = [
                Comment(f"{{kind}}{{number}}", "douyin", "r", "", "", 60_000, kind)
                for number in range(first, first + {BATCH}) for kind in ("chat", "like")
            ]
            await store.take(batch)
            first += {BATCH}
            print(first, flush=True)

anyio.run(main, sys.argv[1], int(sys.argv[2]))
"""


async def killed_in_the_middle(url: str, first: int, batches: int) -> int:
    """Run the writer, kill it while it writes on; the number up to which it said it is safe."""
    async with await anyio.open_process([sys.executable, "-c", WRITER, url, str(first)]) as writer:
        assert writer.stdout is not None
        said = ""
        async for text in TextReceiveStream(writer.stdout):
            said += text
            if said.count("\n") >= batches:
                os.kill(writer.pid, signal.SIGKILL)
                break
        async for text in TextReceiveStream(writer.stdout):
            said += text
    return max(int(line) for line in said.split("\n")[:-1] if line.isdecimal())


async def test_a_kill_loses_nothing_committed_and_doubles_nothing(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    async with Database.open(url):
        pass
    chance = random.Random(11)  # noqa: S311 - moments to kill at, nothing secret
    safe = 0
    with anyio.fail_after(60):
        for _ in range(2):
            safe = await killed_in_the_middle(url, safe, chance.randint(1, 12))
    async with Database.open(url) as database:
        store = Comments(database)
        stored = [item.comment.id async for page in store.pages("r", 0, 90_000) for item in page]
        (minute,) = await CommentMinutes(database).between("r", 0, 90_000)
        assert len(stored) == len(set(stored))
        assert {f"chat{number}" for number in range(safe)} <= set(stored)
        assert len(stored) % BATCH == 0
        assert minute.chats == len(stored)
        assert minute.likes >= len(stored)  # a like is known again only by the process it came to
        again = [Comment(f"chat{n}", "douyin", "r", "", "", 60_000) for n in range(safe)]
        assert await store.take(again) == []
