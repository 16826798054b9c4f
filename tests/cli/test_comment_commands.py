"""`hostcue comments`, where it can't do what it is told."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from hostcue.cli.comments import erase, export
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


def test_a_window_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="not after"):
        export(
            Settings.only({}),
            "http://127.0.0.1:9",
            room_id="r",
            start="2026-11-25 21:00",
            end="2026-11-25 20:00",
            form="csv",
            output=tmp_path / "room.csv",
        )


async def test_without_a_server_no_file_is_left(tmp_path: Path) -> None:
    with pytest.raises(TransportFailed):
        await exported("http://127.0.0.1:9", tmp_path / "room.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "20:00", "-5"])
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_moment_that_is_none_is_refused_by_its_option(
    tmp_path: Path, moment: str, option: str
) -> None:
    with pytest.raises(BadRequest, match="is no moment") as refused:
        export(
            Settings.only({}),
            "http://127.0.0.1:9",
            room_id="r",
            start=moment if option == "--from" else None,
            end=moment if option == "--to" else None,
            form="csv",
            output=tmp_path / "room.csv",
        )
    assert refused.value.field == option
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("viewer", "user_id"), [("", None), ("ab" * 8, "98765")])
def test_whose_comments_go_is_said_in_one_way(viewer: str, user_id: str | None) -> None:
    with pytest.raises(BadRequest, match="whose comments"):
        erase(
            Settings.only({}),
            "http://127.0.0.1:9",
            viewer=viewer,
            platform="douyin",
            user_id=user_id,
        )
