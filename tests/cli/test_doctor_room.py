"""`hostcue doctor --room`, on the pretend room."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

import anyio
import pytest

from hostcue.cli.doctor.command import examine
from hostcue.cli.doctor.finding import Finding
from hostcue.cli.doctor.report import as_object, closing, lines
from hostcue.config import Settings
from hostcue.sim.media import make_clip
from hostcue.sim.room import PretendRoom

CLIP = partial(make_clip, seconds=4)
ROOM_CHECKS = ("resolve", "stream", "comments", "frames", "tips")


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go; whatever happens in a test, it is empty afterwards."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


async def visit(
    room: PretendRoom, folder: Path, *, link: str = "", without: str = "", **more: str
) -> tuple[dict[str, Finding], str, str]:
    """The findings by check, all that is shown, and the report."""
    folders = {"RECORDS_ROOT": f"{folder}/records", "HOSTCUE_DATA_DIR": f"{folder}/data"}
    variables = {**room.environment(), **folders, **more}
    variables.pop(without, None)
    shown: list[Finding] = []
    report = folder / "report.json"
    with anyio.fail_after(60):
        examination = await examine(
            lambda: Settings.only(variables),
            room=link or room.link,
            report=report,
            tell=shown.append,
            seconds=0.5,
        )
    output = [line for finding in shown for line in lines(finding)] + closing(examination)
    output.append(json.dumps(as_object(examination, with_details=True), ensure_ascii=False))
    assert examination.failed == any(finding.verdict == "fail" for finding in shown)
    return {finding.check: finding for finding in shown}, "\n".join(output), report.read_text()


def verdicts(found: dict[str, Finding]) -> dict[str, str]:
    return {check: found[check].verdict for check in ROOM_CHECKS}


async def test_a_live_room_passes_every_check(tmp_path: Path) -> None:
    async with PretendRoom.open(pace=20, clip=CLIP()) as room:
        found, output, report = await visit(room, tmp_path)
        asked = room.model.requests
    assert set(verdicts(found).values()) == {"ok"}
    assert found["resolve"].facts["room_id"] == room.douyin.room_id
    assert found["stream"].facts["width"] == 360
    assert found["stream"].facts["video_codec"] == "h264"
    events = found["comments"].facts["events"]
    assert isinstance(events, dict)
    assert events["chat"] > 0
    assert len(asked) == 1, "one call"
    assert len(asked[0].images) == found["frames"].facts["frames"] == 4
    assert found["tips"].details[0] in output
    assert [check["check"] for check in json.loads(report)["checks"]] == list(found)[:-1]
    assert found["report"].verdict == "ok"


async def test_a_refused_key_fails_the_lines_alone(tmp_path: Path) -> None:
    async with PretendRoom.open(pace=20, clip=CLIP()) as room:
        room.model.reject_key()
        found, _, _ = await visit(room, tmp_path)
    assert verdicts(found) == dict.fromkeys(ROOM_CHECKS, "ok") | {"tips": "fail"}
    assert "DASHSCOPE_API_KEY" in found["tips"].remedy


async def test_a_room_that_is_offline_skips_the_rest(tmp_path: Path) -> None:
    async with PretendRoom.open(clip=CLIP()) as room:
        room.douyin.go_offline()
        found, _, _ = await visit(room, tmp_path)
    assert found["resolve"].verdict == "fail"
    assert {found[check].verdict for check in ROOM_CHECKS[1:]} == {"skipped"}


@pytest.mark.parametrize("link", ["", "not a link", "https://example.com/x", "http://[", "\0" * 9])
async def test_garbage_instead_of_a_link_is_told_with_a_remedy(tmp_path: Path, link: str) -> None:
    async with PretendRoom.open(clip=CLIP()) as room:
        found, _, _ = await visit(room, tmp_path, link=link or " ")
    assert found["resolve"].verdict == "fail"
    assert "internal" not in found["resolve"].found
    assert ".flv" in found["resolve"].remedy


async def test_an_address_in_a_private_network_is_refused(tmp_path: Path) -> None:
    async with PretendRoom.open(clip=CLIP()) as room:
        found, _, _ = await visit(room, tmp_path, without="HOSTCUE_ALLOW_PRIVATE_URLS")
    assert found["resolve"].verdict == "fail"
    assert "HOSTCUE_ALLOW_PRIVATE_URLS" in found["resolve"].remedy


async def test_without_a_stream_comments_are_tried_all_the_same(tmp_path: Path) -> None:
    async with PretendRoom.open(pace=20, clip=CLIP()) as room:
        room.flv.serve_text("/live/room.flv", "<html>no stream</html>", "text/html")
        found, _, _ = await visit(room, tmp_path)
    assert verdicts(found) == {
        "resolve": "ok",
        "stream": "fail",
        "comments": "ok",
        "frames": "skipped",
        "tips": "skipped",
    }


async def test_a_bare_stream_without_a_key_gives_lines_from_templates(tmp_path: Path) -> None:
    async with PretendRoom.open(clip=CLIP()) as room:
        link = room.flv.url
        found, output, _ = await visit(room, tmp_path, link=link, without="DASHSCOPE_API_KEY")
    assert found["comments"].verdict == "skipped"
    assert found["tips"].verdict == "warn"
    assert found["tips"].facts["source"] == "template"
    assert "[template · " in output


async def test_a_report_that_cannot_be_written_fails_and_hides_nothing(tmp_path: Path) -> None:
    async with PretendRoom.open(clip=CLIP()) as room:
        room.douyin.go_offline()
        shown: list[Finding] = []
        examination = await examine(
            lambda: Settings.only(room.environment()),
            room=room.link,
            report=tmp_path / "nowhere" / "report.json",
            tell=shown.append,
        )
    assert shown[-1].check == "report"
    assert "--report" in shown[-1].remedy
    assert examination.failed


async def test_no_secret_and_no_viewer_gets_into_output_or_report(tmp_path: Path) -> None:
    secrets = {
        "DASHSCOPE_API_KEY": "sk-canary-1",
        "HOSTCUE_TOKEN": "canary-2-canary-2",
        "DOUYIN_COOKIE": "sessionid=canary-3-canary; uid=canary-4-canary",
        "HTTP_PROXY": "http://user:canary-5@127.0.0.1:9",
        "HTTPS_PROXY": "http://user:canary-5@127.0.0.1:9",
    }
    async with PretendRoom.open(pace=20, clip=CLIP()) as room:
        room.douyin.say("watcher-wrote 多少钱", "watcher-named")
        found, output, report = await visit(room, tmp_path, **secrets)
        signed = f"{room.flv.url}?{urlencode({'wsSecret': 'canary-6', 'odd': 'canary-7'})}"
        room.flv.refuse(403)
        direct, direct_output, direct_report = await visit(room, tmp_path, link=signed, **secrets)
        key = "rtmp://127.0.0.1:9/live/canary-8?sign=canary-9"
        _, key_output, key_report = await visit(room, tmp_path, link=key, **secrets)
    assert set(verdicts(found).values()) == {"ok"}
    assert direct["stream"].verdict == "fail"
    everything = output + report + direct_output + direct_report + key_output + key_report
    assert "canary" not in everything
    assert "sign=" not in everything
    assert "watcher" not in report
    assert room.douyin.live_id in report
    assert "小满的鞋铺" not in report


@pytest.mark.skipif(os.name != "posix", reason="Windows has no SIGTERM to catch")
async def test_a_stop_in_the_middle_leaves_nothing_behind(tmp_path: Path, scratch: Path) -> None:
    async with PretendRoom.open(clip=CLIP()) as room:
        environment = {"PATH": os.environ["PATH"], "TMPDIR": str(scratch), **room.environment()}
        process = await anyio.open_process(
            [sys.executable, "-m", "hostcue", "doctor", "--room", room.link],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        with anyio.fail_after(30):
            async with process:
                await room.flv.wait_viewers(1)
                assert list(scratch.iterdir()) != []
                process.send_signal(signal.SIGTERM)
                await process.wait()
                assert process.stderr is not None
                errors = b"".join([part async for part in process.stderr])
            await room.flv.wait_viewers(0)
    assert process.returncode == 128 + signal.SIGTERM
    assert b"Traceback" not in errors
