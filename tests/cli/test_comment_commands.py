"""`hostcue comments`, where it can't do what it is told."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from hostcue.cli.comments import export
from hostcue.config import Settings
from hostcue.errors import BadRequest, TransportFailed


async def exported(server: str, output: Path) -> None:
    def run() -> None:
        export(
            Settings.only({}),
            server,
            room_id="r",
            start=None,
            end=None,
            form="csv",
            output=output,
        )

    with anyio.fail_after(30):
        await anyio.to_thread.run_sync(run)


@pytest.mark.parametrize("name", ["no/such/folder.csv", "."])
async def test_a_file_that_cannot_be_written_is_named_with_a_remedy(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(BadRequest, match="can't be written") as refused:
        await exported("http://127.0.0.1:9", tmp_path / name)
    assert refused.value.remedy
    assert list(tmp_path.iterdir()) == []


async def test_without_a_server_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed):
        await exported("http://127.0.0.1:9", tmp_path / "room.csv")
    assert list(tmp_path.iterdir()) == []
