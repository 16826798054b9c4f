"""What may be deleted to make room: only what a rule asks for, oldest first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.retention import KeepRules, Selection, StoredFile

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
NOW_MS = 1000 * DAY_MS

FILES = st.lists(
    st.tuples(
        st.integers(0, 60 * 24 * 60), st.integers(0, 1000), st.booleans(), st.booleans()
    ),  # age in minutes, bytes
    max_size=30,
).map(
    lambda rows: [
        StoredFile(
            "rec", seq, f"/r/{seq}", 0, NOW_MS - age * 60_000, size, pinned=pinned, analysing=busy
        )
        for seq, (age, size, pinned, busy) in enumerate(sorted(rows, key=lambda row: -row[0]))
    ]
)
RULES = st.builds(
    KeepRules,
    days=st.none() | st.floats(0.01, 60),
    size_bytes=st.none() | st.integers(1, 10_000),
    free_bytes=st.none() | st.integers(1, 10_000),
)


def select(rules: KeepRules, files: list[StoredFile], free_bytes: int = 0) -> Selection:
    stored = sum(file.bytes for file in files)
    selection = Selection(rules, now_ms=NOW_MS, stored_bytes=stored, free_bytes=free_bytes)
    for file in files:
        if not selection.take(file):
            break
    return selection


def aged(hours: float, *, size: int = 10, seq: int = 0, pinned: bool = False) -> StoredFile:
    return StoredFile(
        "rec", seq, f"/r/{seq}", 0, NOW_MS - round(hours * HOUR_MS), size, pinned=pinned
    )


@given(FILES, st.integers(0, 10_000))
def test_without_a_rule_nothing_goes(files: list[StoredFile], free: int) -> None:
    assert select(KeepRules(), files, free).chosen == []


@given(RULES, FILES, st.integers(0, 10_000))
def test_what_is_protected_stays_and_the_young_only_yield_to_a_full_disk(
    rules: KeepRules, files: list[StoredFile], free: int
) -> None:
    for file, rule in select(rules, files, free).chosen:
        assert not file.pinned
        assert not file.analysing
        assert NOW_MS - file.end_ms >= (60_000 if rule == "free_space" else HOUR_MS)


@given(RULES, FILES, st.integers(0, 10_000))
def test_the_oldest_go_first_and_no_more_than_needed(
    rules: KeepRules, files: list[StoredFile], free: int
) -> None:
    selection = select(rules, files, free)
    stored, freed = sum(file.bytes for file in files), 0
    chosen = [file for file, _ in selection.chosen]
    assert chosen == sorted(chosen, key=lambda file: file.end_ms)
    for file, rule in selection.chosen:
        match rule:
            case "age":
                assert file.end_ms < NOW_MS - (rules.days or 0) * DAY_MS
            case "size":
                assert stored - freed > (rules.size_bytes or 0)
            case "free_space":
                assert free + freed < (rules.free_bytes or 0)
        freed += file.bytes
    assert selection.bytes == freed
    assert sum(selection.bytes_by_rule.values()) == freed


@given(FILES, st.floats(0.1, 60))
def test_what_is_too_old_goes_unless_it_is_protected(files: list[StoredFile], days: float) -> None:
    selection = select(KeepRules(days=days), files)
    old = [file for file in files if file.end_ms < NOW_MS - days * DAY_MS]
    free_to_go = [file for file in old if not file.pinned and not file.analysing]
    assert [file for file, _ in selection.chosen] == free_to_go
    assert sum(selection.kept.values()) == len(old) - len(free_to_go)


def test_more_than_half_of_everything_is_excessive() -> None:
    files = [aged(hours) for hours in (30, 29, 28, 27)]
    assert not select(KeepRules(size_bytes=20), files).excessive
    assert select(KeepRules(size_bytes=19), files).excessive


def test_each_reason_to_stay_is_counted() -> None:
    rules = KeepRules(days=1)
    selection = Selection(rules, now_ms=NOW_MS, stored_bytes=100, free_bytes=0)
    assert selection.take(aged(40, pinned=True))
    assert selection.take(aged(39, seq=7), in_use={("rec", 7)})
    assert selection.take(aged(38), outside=True)
    assert not selection.take(aged(2))
    assert dict(selection.kept) == {"pinned": 1, "in_use": 1, "outside": 1}


def test_a_file_protected_at_the_last_moment_is_not_counted_as_gone() -> None:
    selection = select(KeepRules(days=1), [aged(50, seq=1), aged(40, seq=2)])
    selection.keep_only({("rec", 2)})
    assert ([file.seq for file, _ in selection.chosen], selection.bytes) == ([2], 10)
