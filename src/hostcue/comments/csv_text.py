"""Comments as a table that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import UTC, datetime

from hostcue.model.comment import Comment
from hostcue.model.json_text import to_json

BYTE_ORDER_MARK = "\ufeff"  # without it Excel takes UTF-8 for the system's code page
HEADER = (
    *("ts", "time_utc", "type", "user", "viewer", "content"),
    *("room_id", "platform", "id", "metadata"),
)
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")
"""What a spreadsheet takes for the beginning of a formula (OWASP's list)."""
_LATEST_MS = 253_402_300_799_999  # the end of year 9999, where `datetime` ends


def table_head() -> str:
    """What the file begins with."""
    return BYTE_ORDER_MARK + _lines([HEADER])


def table_rows(comments: Iterable[Comment]) -> str:
    """One line each; a cell that would be a formula is led by an apostrophe."""
    return _lines(
        (
            str(comment.ts_ms),
            _moment(comment.ts_ms),
            comment.kind,
            _harmless(comment.user),
            comment.viewer,
            _harmless(comment.content),
            _harmless(comment.room_id),
            comment.platform,
            _harmless(comment.id),
            to_json(dict(comment.metadata)),  # begins with a brace
        )
        for comment in comments
    )


def _lines(rows: Iterable[Iterable[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _harmless(cell: str) -> str:
    """Leading spaces do not count: some programs cut them off first."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) else cell


def _moment(ts_ms: int) -> str:
    moment = datetime.fromtimestamp(min(ts_ms, _LATEST_MS) / 1000, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S")
