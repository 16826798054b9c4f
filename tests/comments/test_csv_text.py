"""A table that a spreadsheet opens and does not obey."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from hostcue.comments import csv_text
from hostcue.model.comment import Comment


def said(content: str, user: str = "甲***", ts_ms: int = 1_764_000_000_000) -> Comment:
    return Comment("7", "douyin", "r", user, content, ts_ms, viewer="ab" * 8)


def rows_of(*comments: Comment) -> list[dict[str, str]]:
    text = csv_text.table_head() + csv_text.table_rows(comments)
    return list(
        csv.DictReader(io.StringIO(text.removeprefix(csv_text.BYTE_ORDER_MARK), newline=""))
    )


def test_excel_is_told_that_it_is_utf_8() -> None:
    assert csv_text.table_head().encode().startswith(b"\xef\xbb\xbf")


def test_a_comment_is_one_row() -> None:
    (row,) = rows_of(said('有"货",\n吗'))
    assert row["content"] == '有"货",\n吗'
    assert row["time_utc"] == "2025-11-24 16:00:00"
    assert row["viewer"] == "ab" * 8


@given(lead=st.sampled_from("=+-@\t\r＝＋－＠"), rest=st.text(max_size=20))
def test_no_cell_is_a_formula(lead: str, rest: str) -> None:
    (row,) = rows_of(said(f" {lead}{rest}", user=lead + rest))
    assert row["content"] == f"' {lead}{rest}"
    assert row["user"].startswith("'")


@given(content=st.text(alphabet=st.characters(codec="utf-8")), ts=st.integers(0, 2**53))
def test_any_comment_comes_back_as_it_was(content: str, ts: int) -> None:
    (row,) = rows_of(said(content, ts_ms=ts))
    assert row["content"].removeprefix("'") == content.removeprefix("'")
    assert row["ts"] == str(ts)
