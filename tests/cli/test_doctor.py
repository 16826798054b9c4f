"""`hostcue doctor` without a room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ready_database import open_database

from hostcue.cli.doctor import machine, told
from hostcue.cli.doctor.command import examine
from hostcue.cli.doctor.costs import Money, hour_costs
from hostcue.cli.doctor.finding import Checks, Finding, Outcome
from hostcue.cli.doctor.redaction import Concealer
from hostcue.cli.doctor.report import lines
from hostcue.config import Settings
from hostcue.errors import ConfigError, DiskFull, HostcueError
from hostcue.model.comment import Comment, WayTaken
from hostcue.model.disk import LineRules, Space
from hostcue.model.recording import Recording, RecordingPlan
from hostcue.model.retention import KeepRules
from hostcue.model.room import Room
from hostcue.model.segment import ClosedFile
from hostcue.model.window import Window
from hostcue.sim.douyin import DouyinFace
from hostcue.storage.lock import sole_owner
from hostcue.storage.recordings import Recordings
from hostcue.storage.vault import Vault

NOWHERE = "http://127.0.0.1:9"
NAMES = (
    "python",
    "media",
    "platforms",
    "settings",
    "records",
    "data",
    "time zone",
    "model",
    "token",
    "proxies",
    "browser",
    "alarms",
    "douyin",
    "comment ways",
    "intents",
    "speech",
)


def settings_for(folder: Path, more: Mapping[str, str]) -> Callable[[], Settings]:
    folders = {"RECORDS_ROOT": f"{folder}/records", "HOSTCUE_DATA_DIR": f"{folder}/data"}
    return lambda: Settings.only({"HOSTCUE_DOUYIN_WEB_URL": NOWHERE, **folders, **more})


async def findings(folder: Path, **more: str) -> dict[str, Finding]:
    shown: list[Finding] = []
    with anyio.fail_after(30):
        await examine(settings_for(folder, more), tell=shown.append)
    return {finding.check: finding for finding in shown}


async def one_check(step: Callable[[], Outcome[None]], *, within_s: float = 30) -> Finding:
    async def run() -> Outcome[None]:
        return step()

    checks = Checks(lambda _: None)
    await checks.run("check", run, within_s=within_s)
    return checks.findings[0]


async def test_a_good_machine_has_nothing_to_mend(tmp_path: Path) -> None:
    async with DouyinFace.open(flv_url=f"{NOWHERE}/live.flv", script=()) as face:
        load = settings_for(
            tmp_path,
            {
                "HOSTCUE_DOUYIN_WEB_URL": face.web_url,
                "DASHSCOPE_API_KEY": "sk-good",
                "HOSTCUE_SPEECH": "off",  # with a model: test_doctor_speech.py
            },
        )
        shown: list[Finding] = []
        examination = await examine(load, tell=shown.append)
    assert [finding.check for finding in shown] == list(NAMES)
    judged = [finding for finding in shown if finding.check != "records"]  # this disk may be small
    assert {(finding.verdict, finding.remedy) for finding in judged} == {("ok", "")}
    assert examination.costs is not None
    assert list(tmp_path.iterdir()) == [], "looking makes no folders"


async def test_a_dead_douyin_fails_with_a_remedy_and_spoils_nothing_else(tmp_path: Path) -> None:
    found = await findings(tmp_path)
    assert {found[name].verdict for name in ("python", "media", "platforms", "proxies")} == {"ok"}
    assert found["douyin"].verdict == "fail"
    assert "127.0.0.1" in found["douyin"].found
    assert "HTTP_PROXY" in found["douyin"].remedy


@pytest.mark.parametrize(
    ("source", "more", "field"),
    [
        ("relay", {}, "HOSTCUE_RELAY_URL"),
        (
            "relay",
            {"HOSTCUE_RELAY_URL": f"{NOWHERE}/stream", "HOSTCUE_RELAY_FIELDS": "nonsense"},
            "HOSTCUE_RELAY_FIELDS",
        ),
        ("replay", {"HOSTCUE_REPLAY_FILE": "no such"}, "HOSTCUE_REPLAY_FILE"),
    ],
)
async def test_a_source_of_comments_with_which_no_server_starts_is_found(
    tmp_path: Path, source: str, more: dict[str, str], field: str
) -> None:
    found = await findings(tmp_path, HOSTCUE_COMMENT_SOURCE=source, **more)
    assert found["comment ways"].verdict == "fail"
    assert field in found["comment ways"].found + found["comment ways"].remedy


async def test_words_that_cannot_be_used_are_found_with_their_line(tmp_path: Path) -> None:
    words = tmp_path / "words.yaml"
    words.write_text("intents:\n  price: ['(a+)+b']\n", encoding="utf-8")
    found = await findings(tmp_path, HOSTCUE_INTENTS_FILE=str(words))
    assert found["intents"].verdict == "fail"
    assert "line 2" in found["intents"].found


async def test_settings_that_make_no_sense_are_named_and_end_the_examination(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOSTCUE_MAX_RECORDINGS", "none")
    shown: list[Finding] = []
    examination = await examine(Settings.load, tell=shown.append)
    assert [finding.verdict for finding in shown] == ["ok", "ok", "ok", "fail", "skipped"]
    assert "HOSTCUE_MAX_RECORDINGS" in shown[3].found
    assert examination.failed
    assert examination.costs is None


async def test_a_file_where_a_folder_should_be_fails_naming_the_variable(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("")
    found = await findings(tmp_path)
    assert found["records"].verdict == "fail"
    assert "RECORDS_ROOT" in found["records"].remedy


async def test_a_data_folder_in_use_is_told_and_is_no_fault(tmp_path: Path) -> None:
    with sole_owner(tmp_path / "data"):
        found = await findings(tmp_path)
    assert found["data"].verdict == "ok"
    assert f"another hostcue (process {os.getpid()})" in found["data"].found
    assert found["data"].facts["in_use"] is True


@pytest.mark.parametrize(
    ("variable", "value", "check", "verdict"),
    [
        ("HOSTCUE_TOKEN", "s3cret", "token", "warn"),
        ("HOSTCUE_TOKEN", "s3cret" * 5, "token", "ok"),
        ("DASHSCOPE_API_KEY", "sk-s3cret", "model", "ok"),
        ("DASHSCOPE_API_KEY", "'sk-s3cret ", "model", "fail"),
        ("HOSTCUE_QWEN_BASE_URL", "dashscope.example", "model", "fail"),
        ("DOUYIN_COOKIE", "ttwid=s3cret-s3cret", "douyin", "fail"),
        ("HOSTCUE_DOUYIN_WEB_URL", "http://[", "douyin", "fail"),
        ("HTTP_PROXY", "http://me:s3cret@proxy:1", "proxies", "ok"),
        ("HTTP_PROXY", "gopher://s3cret", "proxies", "fail"),
        ("HOSTCUE_TZ", "Asia/Shanghai", "time zone", "ok"),
    ],
)
async def test_each_setting_is_judged_and_never_quoted(
    tmp_path: Path, variable: str, value: str, check: str, verdict: str
) -> None:
    found = await findings(tmp_path, **{variable: value})
    assert found[check].verdict == verdict
    assert bool(found[check].remedy) == (verdict != "ok")
    assert "s3cret" not in repr(found.values())


async def test_without_a_key_lines_come_from_templates_which_is_a_warning(tmp_path: Path) -> None:
    found = await findings(tmp_path)
    assert found["model"].verdict == "warn"
    assert "DASHSCOPE_API_KEY" in found["model"].remedy


def test_a_python_that_is_too_old_is_refused() -> None:
    with pytest.raises(ConfigError, match="too old"):
        machine.python((3, 10, 12))


def test_codecs_that_libav_lacks_are_named() -> None:
    needed = {"decoder": ("h264", "no-such"), "muxer": ("mp4", "no-such"), "demuxer": ("flv",)}
    assert machine.lacking(needed) == ["no-such decoder", "no-such muxer"]


GB = 10**9


@pytest.mark.parametrize(("free_gb", "warns"), [(100, False), (8, True)])
def test_a_disk_that_is_soon_full_is_a_warning(free_gb: int, warns: bool) -> None:
    space = Space(free_gb * GB, 500 * GB)
    outcome = machine.hours_left(Path("records"), space, LineRules(), KeepRules())
    assert bool(outcome.remedy) == warns


def test_a_disk_on_which_recording_would_pause_at_once_fails_and_says_where_the_lines_are() -> None:
    space = Space(5 * GB, 500 * GB)
    with pytest.raises(DiskFull, match=r"5\.0 GB free.* below 5\.4 GB.* above 10\.7 GB") as failed:
        machine.hours_left(Path("records"), space, LineRules(), KeepRules())
    assert "HOSTCUE_MIN_FREE_BYTES" in str(failed.value.remedy)
    machine.hours_left(Path("records"), space, LineRules(GB), KeepRules())


def test_a_disk_too_small_for_the_lines_is_a_warning() -> None:
    space = Space(7 * GB, 8 * GB)
    outcome = machine.hours_left(Path("records"), space, LineRules(), KeepRules())
    assert "8.0 GB" in outcome.remedy
    assert "HOSTCUE_RESUME_FREE_BYTES" in outcome.remedy


def test_what_is_deleted_is_said() -> None:
    space, rules = Space(100 * GB, 500 * GB), KeepRules(days=30, free_bytes=20 * GB)
    found = machine.hours_left(Path("records"), space, LineRules(), rules).found
    assert "older than 30 days or in the way of 20.0 GB free" in found
    without = machine.hours_left(Path("records"), space, LineRules(), KeepRules()).found
    assert "nothing is ever deleted" in without


async def test_an_error_nobody_foresaw_is_named_by_its_type_alone() -> None:
    def breaks() -> Outcome[None]:
        raise ZeroDivisionError("sk-in-the-text")

    finding = await one_check(breaks)
    assert (finding.verdict, finding.found) == ("fail", "internal error: ZeroDivisionError")


async def test_an_error_inside_a_task_group_is_told_as_itself() -> None:
    def breaks() -> Outcome[None]:
        error = HostcueError("the disk is gone", remedy="buy one")
        raise ExceptionGroup("", [ExceptionGroup("", [error])])

    finding = await one_check(breaks)
    assert (finding.found, finding.remedy) == ("the disk is gone", "buy one")


async def test_a_check_that_takes_too_long_fails() -> None:
    async def hangs() -> Outcome[None]:
        await anyio.sleep_forever()
        return Outcome(None, "")

    checks = Checks(lambda _: None)
    with anyio.fail_after(30):
        await checks.run("check", hangs, within_s=0.01)
    assert checks.findings[0].verdict == "fail"
    assert "0.01 s" in checks.findings[0].found


def test_a_clock_that_is_wrong_is_a_warning() -> None:
    def heard(lag_s: float) -> str:
        return told.heard([], Counter(chat=3), 0.1, lag_s).remedy

    assert heard(0.8) == ""
    assert "clock" in heard(-90)
    assert "clock" in heard(3600)


def test_silence_a_broken_line_and_a_broken_stream_are_warnings() -> None:
    comment = Comment("1", "douyin", "7", "小林", "多少钱", 0)
    file = ClosedFile(0, "x", Window(0, 9000), 9000, 1000, "", "aac", 0, 0, 0.0)
    assert "DOUYIN_COOKIE" in told.heard([], Counter(), 0.1, None).remedy
    assert "network" in told.heard([comment], Counter(chat=1, gap=2), 0.1, 1.0).remedy
    lesser = told.heard([], Counter(chat=3), 0.1, 1.0, WayTaken("polling", "signature_refused"))
    assert "by polling (signature_refused)" in lesser.found
    assert "HOSTCUE_DOUYIN_SIGNER_URL" in lesser.remedy
    assert "reset" in told.recorded(file, 0.5, ["reset"]).remedy
    assert "no picture" in told.recorded(file, 0.5, []).found
    assert told.seen([]).remedy


BEIJING = "https://dashscope.aliyuncs.com/compatible-mode/v1"
SINGAPORE = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1"


@pytest.mark.parametrize(
    ("model", "url", "money"),
    [
        ("qwen3-vl-plus", BEIJING, Money(0.142, "CNY")),
        ("qwen-vl-max", BEIJING, Money(0.156, "CNY")),
        ("qwen3-vl-plus", SINGAPORE, Money(0.026, "USD")),
        ("qwen3.8-flash", SINGAPORE, Money(0.015, "USD")),
        ("made-up", BEIJING, None),
        ("qwen3-vl-plus", "http://127.0.0.1:8000/v1", None),
        ("qwen3-vl-plus", "http://[", None),
    ],
)
def test_an_hour_costs_what_the_price_list_says_or_is_unknown(
    model: str, url: str, money: Money | None
) -> None:
    assert hour_costs(model, url).money == money


SECRET = st.text(st.characters(categories=["L", "N"]), min_size=4, max_size=40)


@given(before=st.text(), secret=SECRET, after=st.text())
def test_a_secret_goes_from_any_text(before: str, secret: str, after: str) -> None:
    assert secret not in Concealer([secret])(secret)
    assert f"{secret}" not in Concealer([secret])(f"{before} {secret} {after}")


def test_of_a_url_neither_user_nor_query_stays() -> None:
    conceal = Concealer()
    url = "see https://me:pw@host/live/a.flv?wsSecret=1&odd=2 there"
    assert conceal(url) == "see https://***@host/live/a.flv?*** there"
    assert conceal.within({"a": [url, 1]}) == {"a": [conceal(url), 1]}


def test_the_home_folder_is_not_named() -> None:
    home = Path.home()
    assert Concealer()(f"{home / 'records'}: 5 GB") == f"~{os.sep}records: 5 GB"
    assert Concealer()(f"{home}ly") == f"{home}ly"


def test_a_finding_is_one_line_with_a_mark_and_a_word() -> None:
    shown = lines(Finding("douyin", "fail", "no answer", "check the network", took_s=2.0))
    assert shown[0].split() == ["✗", "fail", "douyin", "no", "answer", "(2.0", "s)"]
    assert shown[1].strip() == "→ check the network"


CANARIES = {
    "DASHSCOPE_API_KEY": "sk-canary-key-0001",
    "HOSTCUE_TOKEN": "canary-token-0002-canary",
    "DOUYIN_COOKIE": "sessionid=canary-cookie-0003",
    "HTTPS_PROXY": "http://user:canary-proxy-0004@127.0.0.1:9",
    "HOSTCUE_QWEN_BASE_URL": "https://u:canary-base-0005@model.example/v1?sig=canary-0006",
}


def hostcue(*arguments: str, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": os.environ["PATH"], "HOSTCUE_DOUYIN_WEB_URL": NOWHERE, **more}
    return subprocess.run(
        [sys.executable, "-m", "hostcue", "doctor", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_json_is_one_object_and_progress_goes_elsewhere(tmp_path: Path) -> None:
    ran = hostcue("--json", "--report", "found.json", folder=tmp_path, **CANARIES)
    printed = json.loads(ran.stdout)
    report = (tmp_path / "found.json").read_text()
    assert ran.returncode == 1
    assert printed["failed"] is True
    assert [check["check"] for check in printed["checks"]] == [*NAMES, "report"]
    assert printed["hour_of_one_room"]["money"] == "unknown"
    assert "✗ fail     douyin" in ran.stderr
    assert "details" not in report
    assert "canary" not in ran.stdout + ran.stderr + report


def test_a_terminal_without_marks_still_gets_words(tmp_path: Path) -> None:
    ran = hostcue(folder=tmp_path, PYTHONIOENCODING="ascii")
    assert ran.returncode == 1
    assert "? ok       python" in ran.stdout
    assert "0.14 CNY" in ran.stdout
    assert ran.stderr == ""
    assert list(tmp_path.iterdir()) == []


async def test_recordings_that_the_key_does_not_open_are_a_warning_and_nothing_is_made(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    link = "https://live.douyin.com/80017709309"
    room = Room("douyin", "80017709309", "1", link, "host")
    async with open_database(folder / "hostcue.db") as database:
        recordings = Recordings(database, Vault.at(folder / "none", "the right passphrase"))
        await recordings.add(
            Recording("rec", RecordingPlan(link), room, "", 1, "failed", "", 1), "OD"
        )
    right = await findings(tmp_path, HOSTCUE_SECRET_KEY="the right passphrase")
    assert right["data"].verdict == "ok"
    for wrong in ({}, {"HOSTCUE_SECRET_KEY": "another passphrase"}):
        found = (await findings(tmp_path, **wrong))["data"]
        assert found.verdict == "warn"
        assert "1 recordings cannot go on" in found.found
        assert "HOSTCUE_SECRET_KEY" in found.remedy
    assert not (folder / "secret.key").exists()
