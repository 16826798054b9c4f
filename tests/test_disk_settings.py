"""The disk's settings: sizes with units, and lines that make sense together."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.model.disk import GIB, LineRules
from hostcue.model.retention import KeepRules


def test_without_settings_the_forecast_draws_the_lines_and_nothing_is_deleted() -> None:
    settings = Settings.only({})
    assert settings.line_rules == LineRules()
    assert not settings.keep_rules


def test_sizes_are_read_with_and_without_a_unit() -> None:
    settings = Settings.only(
        {
            "HOSTCUE_MIN_FREE_BYTES": "1073741824",
            "HOSTCUE_RESUME_FREE_BYTES": "4GiB",
            "HOSTCUE_KEEP_FREE_BYTES": "20 GiB",
            "HOSTCUE_KEEP_BYTES": "1TB",
            "HOSTCUE_KEEP_DAYS": "30",
        }
    )
    assert settings.line_rules == LineRules(GIB, 4 * GIB, 20 * GIB)
    assert settings.keep_rules == KeepRules(30, 10**12, 20 * GIB)


@pytest.mark.parametrize(
    ("at_fault", "variables"),
    [
        (
            "HOSTCUE_RESUME_FREE_BYTES",
            {"HOSTCUE_MIN_FREE_BYTES": "2GiB", "HOSTCUE_RESUME_FREE_BYTES": "2GiB"},
        ),
        ("HOSTCUE_KEEP_FREE_BYTES", {"HOSTCUE_KEEP_FREE_BYTES": "9GiB"}),
        (
            "HOSTCUE_KEEP_FREE_BYTES",
            {"HOSTCUE_KEEP_FREE_BYTES": "3GiB", "HOSTCUE_MIN_FREE_BYTES": "2GiB"},
        ),
        ("HOSTCUE_MIN_FREE_BYTES", {"HOSTCUE_MIN_FREE_BYTES": "plenty"}),
        ("HOSTCUE_KEEP_BYTES", {"HOSTCUE_KEEP_BYTES": "0"}),
        ("HOSTCUE_KEEP_DAYS", {"HOSTCUE_KEEP_DAYS": "-1"}),
    ],
)
def test_what_makes_no_sense_is_named(
    at_fault: str,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as failed:
        Settings.load()
    assert failed.value.field == at_fault
