"""A folder for media that takes no files is named before anything is recorded, and after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from small_disk import Disk, small_disk

from hostcue.errors import ConfigError, FolderRefused
from hostcue.pipeline.files import refusal
from hostcue.web.errors import status_of
from hostcue.wiring.disk import check_records_root


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    with small_disk(tmp_path / "disk") as opened:
        yield opened


@pytest.fixture
def no_folder(tmp_path: Path) -> Path:
    """Below a file nobody can make a folder, not even root."""
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "records"


async def test_a_folder_that_cannot_be_made_is_refused_with_its_setting(no_folder: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        await check_records_root(no_folder)
    assert refused.value.field == "RECORDS_ROOT"
    assert str(no_folder) in refused.value.message
    assert refused.value.remedy


async def test_a_folder_that_can_be_made_is_not_made_yet(tmp_path: Path) -> None:
    await check_records_root(tmp_path / "a" / "records")
    assert list(tmp_path.iterdir()) == []


async def test_a_full_disk_is_no_refusal(disk: Disk) -> None:
    disk.fill(disk.free_bytes)
    assert refusal(disk.folder / "records") is None


def test_a_start_into_such_a_folder_is_our_disks_fault_and_no_gateways() -> None:
    assert status_of(FolderRefused("cannot make the folder")) == 507
