"""Names of products that a room sells, to be heard right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from hostcue.model.event import Event
from hostcue.storage.outbox import Outbox

_MOST = 200
_CHARS = 12
_BRACKETED = re.compile(r"【[^】]*】|\[[^\]]*\]|（[^）]*）|\([^)]*\)|《[^》]*》|「[^」]*」")
_BREAK = re.compile(r"[\s,，.。;；:：!！?？/|｜·•+*#_~\-—、]+")
_NAMES_SOMETHING = re.compile(r"[\u4e00-\u9fff]{2}|[A-Za-z]{3}")


class ProductWords:
    """By broadcast, what its shopping cart was said to hold; the newest names are kept."""

    def __init__(self, outbox: Outbox, *, most: int = _MOST) -> None:
        self._outbox = outbox
        self._most = most
        self._words: dict[str, dict[str, None]] = {}

    def of(self, room_id: str) -> tuple[str, ...]:
        """The names known so far."""
        return tuple(self._words.get(room_id, ()))

    async def recall(self, room_id: str) -> tuple[str, ...]:
        """The names, those of before this server's start included, as long as events are kept."""
        if room_id not in self._words:
            stored = await self._outbox.told("comments", room_id, "product", limit=self._most)
            self._words.setdefault(room_id, {})
            self._add(room_id, (str(event.data.get("title", "")) for event in stored))
        return self.of(room_id)

    def heard(self, events: Sequence[Event]) -> set[str]:
        """Reads events as they are committed; the rooms of `recall` whose names changed."""
        changed = set()
        for event in events:
            if event.type == "product" and event.stream == "comments":
                title = str(event.data.get("title", ""))
                if event.subject in self._words and self._add(event.subject, [title]):
                    changed.add(event.subject)
        return changed

    def forget(self, room_id: str) -> None:
        """Nobody listens to that broadcast any more."""
        self._words.pop(room_id, None)

    def _add(self, room_id: str, titles: Iterable[str]) -> bool:
        words = self._words[room_id]
        before = tuple(words)
        for title in titles:
            if name := product_name(title):
                words.pop(name, None)  # to the end: it was named again
                words[name] = None
        for name in list(words)[: -self._most]:
            del words[name]
        return tuple(words) != before


def product_name(title: str) -> str:
    """What a product's title begins with, without advertising in brackets; empty for none.

    Titles are made to be found, not to be said: of 【直播专享】夏季纯棉T恤 男女同款 宽松 it is
    the first part that people say.
    """
    for part in _BREAK.split(_BRACKETED.sub(" ", title)):
        if _NAMES_SOMETHING.search(part):
            return part[:_CHARS]
    return ""
