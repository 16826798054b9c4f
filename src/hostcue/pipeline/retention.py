"""Old recordings make room for new ones, where the operator said so and never otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import anyio
import anyio.to_thread
import structlog

from hostcue.errors import CleanupRefused
from hostcue.model.clock import now_ms
from hostcue.model.retention import KeepRules, Selection
from hostcue.pipeline import files
from hostcue.storage.stored_files import Place, StoredFiles

log = structlog.get_logger(__name__)

_BATCH = 50


@dataclass(frozen=True, slots=True)
class Refusal:
    """A cleanup that was not made, since it would have taken more than half."""

    since_ms: int
    bytes: int
    stored_bytes: int


def size(count: int) -> str:
    """Bytes as people say them: what is below a gigabyte in megabytes."""
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.1f} MB"


class Retention:
    """Deletes the oldest files that the rules ask for; one cleanup at a time.

    A row is marked first, with its event, then the file goes: what a crash leaves in between is
    finished by the next cleanup.
    """

    def __init__(
        self, stored: StoredFiles, *, root: Path, rules: KeepRules, rest_s: float = 600
    ) -> None:
        """A file that was read is left alone for another `rest_s`: players come back for more."""
        self.rules = rules
        self.refusal: Refusal | None = None
        self._stored = stored
        self._root = root
        self._rest_s = rest_s
        self._turn = anyio.Lock()
        self._reading: Counter[tuple[str, int]] = Counter()
        self._read_until: dict[tuple[str, int], float] = {}
        self._left: set[str] | None = None  # files that outlived their rows; None: not looked yet

    @contextmanager
    def reading(self, recording_id: str, seq: int) -> Iterator[None]:
        """While inside, the segment's file stays."""
        key = recording_id, seq
        self._reading[key] += 1
        try:
            yield
        finally:
            self._reading[key] -= 1
            self._read_until[key] = anyio.current_time() + self._rest_s

    async def plan(self) -> Selection:
        """What a cleanup would do now; nothing is touched."""
        space = await anyio.to_thread.run_sync(files.measure, self._root)
        selection = Selection(
            self.rules,
            now_ms=now_ms(),
            stored_bytes=await self._stored.bytes(),
            free_bytes=space.free_bytes,
        )
        if not self.rules:
            return selection
        in_use = self._in_use()
        after: Place | None = None
        while page := await self._stored.oldest(now_ms=now_ms(), after=after):
            paths = [file.path for file in page]
            outside = await anyio.to_thread.run_sync(files.outside, self._root, paths)
            for file in page:
                if not selection.take(file, in_use=in_use, outside=file.path in outside):
                    return selection
            last = page[-1]
            after = last.end_ms, last.recording_id, last.seq
        return selection

    async def clean(self, *, force: bool = False) -> Selection:
        """Delete what the rules ask for; of the files chosen, those that went.

        Raises:
            CleanupRefused: it is more than half of everything, and `force` is not given.
        """
        async with self._turn:
            await self._finish()
            selection = await self.plan()
            if selection.excessive and not force:
                self._refuse(selection)
            self.refusal = None
            gone: set[tuple[str, int]] = set()
            for start in range(0, len(selection.chosen), _BATCH):
                batch = selection.chosen[start : start + _BATCH]
                marked = await self._stored.mark_deleted(batch, now_ms=now_ms())
                gone |= {file.key for file in marked}
                await self._remove([file.path for file in marked])
            selection.keep_only(gone)
            if gone:
                log.info("segments_deleted", files=len(gone), bytes=selection.bytes)
            return selection

    async def pass_by(self) -> bool:
        """A cleanup nobody asked for by hand; whether it deleted anything."""
        try:
            return bool((await self.clean()).chosen)
        except CleanupRefused:
            return False  # said once in the log, and in the notices as long as it is so

    def _refuse(self, selection: Selection) -> None:
        refused, everything = selection.bytes, selection.stored_bytes
        if self.refusal is None:
            log.warning("cleanup_refused", bytes=refused, stored_bytes=everything)
        since_ms = self.refusal.since_ms if self.refusal else now_ms()
        self.refusal = Refusal(since_ms, refused, everything)
        raise CleanupRefused(
            f"this would delete {size(refused)} of {size(everything)} of recordings",
            remedy="look with `hostcue clean --dry-run`; if it is meant, `hostcue clean --force`",
        )

    async def _finish(self) -> None:
        """Delete what an earlier cleanup marked and did not delete."""
        if self._left is None:
            self._left = await self._marked_and_there()
        if self._left:
            left, self._left = list(self._left), set()
            await self._remove(left)

    async def _marked_and_there(self) -> set[str]:
        found: set[str] = set()
        after: Place | None = None
        while page := await self._stored.deleted_paths(after=after):
            paths = [path for _, path in page]
            found.update(await anyio.to_thread.run_sync(files.existing, paths))
            after = page[-1][0]
        return {path for path in found if not await self._stored.is_path_of_another(path)}

    async def _remove(self, paths: Sequence[str]) -> None:
        for path in await anyio.to_thread.run_sync(files.remove, self._root, paths):
            log.warning("segment_file_stays", file=Path(path).name)
            if self._left is not None:
                self._left.add(path)

    def _in_use(self) -> set[tuple[str, int]]:
        now_s = anyio.current_time()
        self._read_until = {key: s for key, s in self._read_until.items() if s > now_s}
        self._reading = +self._reading
        return {*self._reading, *self._read_until}
