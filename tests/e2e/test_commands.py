"""The commands, as a user runs them."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import anyio
import av
import pytest
from server_process import DEAD_PROXY, Serve

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow


async def hostcue(
    *arguments: str, folder: Path, environment: dict[str, str] | None = None, within_s: float = 60
) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    with anyio.fail_after(within_s):
        run = await anyio.run_process(
            [sys.executable, "-m", "hostcue", *arguments],
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HTTP_PROXY": DEAD_PROXY,
                "HTTPS_PROXY": DEAD_PROXY,
                "HOSTCUE_DATA_DIR": str(folder / "data"),
                **(environment or {}),
            },
            check=False,
        )
    return run.returncode, run.stdout.decode(), run.stderr.decode()


async def test_the_demo_runs_the_whole_path_once_and_says_so_as_json(tmp_path: Path) -> None:
    code, out, err = await hostcue("demo", "--once", "--json", folder=tmp_path)
    assert code == 0, err
    report = json.loads(out)
    assert report["demo"] is True
    assert report["recording_id"]
    assert report["comments"] > 0
    assert Path(report["segments"][0]["path"]).is_file()
    assert report["segments"][0]["end_ts"] > report["segments"][0]["start_ts"]
    assert 3 <= len(report["tips"]) <= 5
    assert {tip["model"] for tip in report["tips"]} == {"sim"}
    assert set(report["seconds"]) == {"first_segment", "first_tips"}
    assert "DEMO" in err
    assert "DEMO" in report["segments"][0]["path"]


async def test_the_demo_looks_at_no_key_and_no_setting_of_this_machine(tmp_path: Path) -> None:
    canaries = {"DASHSCOPE_API_KEY": "sk-canary", "HOSTCUE_TOKEN": "canary-token"}
    code, out, err = await hostcue("demo", "--once", folder=tmp_path, environment=canaries)
    assert code == 0, err
    assert "canary" not in out + err
    assert all(line.startswith("DEMO") for line in out.splitlines())


async def test_record_writes_segments_without_a_server(room: PretendRoom, tmp_path: Path) -> None:
    code, out, err = await hostcue(
        "record",
        room.link,
        "--segment",
        "2",
        "--for",
        "4",
        "--output",
        "media",
        folder=tmp_path,
        environment=room.environment(),
    )
    assert code == 0, err
    files = [Path(line.split("  ")[0]) for line in out.splitlines()]
    assert len(files) >= 2
    assert all((tmp_path / file).is_file() for file in files)
    assert not (tmp_path / "data").exists()
    with av.open(str(tmp_path / files[0])) as media:
        assert media.streams.video[0].codec_context.name == "h264"

    again, out, err = await hostcue(
        "record", str(tmp_path / files[0]), "--output", "copy", folder=tmp_path
    )
    assert again == 0, err
    assert len(out.splitlines()) == 1


async def test_record_says_what_is_wrong_with_a_link(tmp_path: Path) -> None:
    code, out, err = await hostcue("record", "nothing-there.mp4", folder=tmp_path)
    assert code == 1
    assert out == ""
    assert err.startswith("hostcue: ")
    assert "Traceback" not in err


async def test_tips_prints_the_lines_of_a_running_server(
    serve: Serve, room: PretendRoom, tmp_path: Path
) -> None:
    async with serve(room.environment(), token="a-token") as server, server.stream() as events:
        recording_id = await server.record(room.link)
        await events.wait("tips_ready")
        code, out, err = await hostcue(
            "tips",
            "--server",
            server.url,
            folder=tmp_path,
            environment={"HOSTCUE_TOKEN": "a-token"},
        )
        assert code == 0, err
        assert "[DEMO AI · " in out
        refused, _, err = await hostcue("tips", "--server", server.url, folder=tmp_path)
        assert refused == 1
        assert "HOSTCUE_TOKEN" in err
        await server.post("/api/recording/stop", {"recording_id": recording_id})


@pytest.mark.parametrize(
    ("arguments", "environment", "said"),
    [
        (("serve", "--host", "0.0.0.0"), {}, "without a token"),  # noqa: S104 - refused
        (("serve",), {"HOSTCUE_DATABASE_URL": "postgresql://x/y"}, "only sqlite"),
        (("serve",), {"HOSTCUE_TZ": "Mars/Base"}, "HOSTCUE_TZ"),
        (("serve",), {"HOSTCUE_MAX_RECORDINGS": "none"}, "HOSTCUE_MAX_RECORDINGS"),
        (("serve", "--port", "1"), {}, "cannot listen"),
        (("demo", "--json"), {}, "--once"),
    ],
)
async def test_a_setting_that_makes_no_sense_is_named_in_one_line(
    arguments: tuple[str, ...], environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    if arguments[-1] == "1" and os.geteuid() == 0:
        arguments = ("serve", "--host", "203.0.113.1")  # root may listen anywhere but there
        environment = {"HOSTCUE_TOKEN": "a-token"}
    code, out, err = await hostcue(*arguments, folder=tmp_path, environment=environment)
    assert code == 2, (out, err)
    assert said in err.splitlines()[0]
    assert "→" in err.splitlines()[1]
    assert "Traceback" not in err
