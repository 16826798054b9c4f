"""`hostcue models`, as an operator meets it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path

import anyio
import anyio.to_thread
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from model_shop import MODEL, detector, goods, shelf_of

from hostcue.cli.models import delete, import_models, list_models, print_path, verify
from hostcue.cli.models_pull import pull
from hostcue.config import Settings
from hostcue.errors import Conflict, NotFound, SpeechMissing, TransportFailed
from hostcue.sim.model_mirror import ModelMirror
from hostcue.speech.catalogue import CATALOGUE, VAD_ID
from hostcue.speech.intake import take_in
from hostcue.speech.shelf import Shelf
from hostcue.storage.lock import sole_owner

SMALL, VAD = goods("small"), detector()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.only(
        {"HOSTCUE_DATA_DIR": str(tmp_path / "data"), "HOSTCUE_SPEECH_MODEL": "small"}
    )


@pytest.fixture
def shelf(settings: Settings) -> Shelf:
    return shelf_of(settings.models_dir, SMALL, goods("other"), VAD)


async def pulled(
    settings: Settings, shelf: Shelf, *names: str, source: str, as_json: bool = False
) -> None:
    work = partial(pull, settings, list(names), source=source, as_json=as_json, shelf=shelf)
    with anyio.fail_after(60):
        await anyio.to_thread.run_sync(work)


def mirrored() -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for one in (SMALL, VAD):
        files |= one.served(below=f"/{one.entry.id}")
    return files


async def test_a_pull_shows_the_licence_first_and_brings_the_detector(
    settings: Settings, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ModelMirror.open(mirrored()) as mirror:
        await pulled(settings, shelf, source=mirror.url)
    said = capsys.readouterr().out
    assert said.index("Test Licence 1.0, https://example.com/licence") < said.index("100 %")
    assert "name the makers" in said
    assert "small: here, every byte checked" in said
    assert f"{VAD_ID}: here, every byte checked" in said
    assert "hostcue can listen with it" in said
    assert "\r" not in said
    assert shelf.find("small").id == "small"


async def test_what_is_here_is_not_pulled_and_its_licence_not_told_again(
    settings: Settings, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ModelMirror.open(mirrored()) as mirror:
        await pulled(settings, shelf, source=mirror.url)
        capsys.readouterr()
        await pulled(settings, shelf, source=mirror.url)
    said = capsys.readouterr().out
    assert "small: was here already" in said
    assert "Licence" not in said


async def test_the_mirror_of_the_settings_is_asked(
    settings: Settings, shelf: Shelf, tmp_path: Path
) -> None:
    async with ModelMirror.open(mirrored()) as mirror:
        settings = Settings.only(
            {"HOSTCUE_DATA_DIR": str(tmp_path), "HOSTCUE_MODEL_MIRROR": mirror.url}
        )
        await pulled(settings, shelf, "small", source="")
        assert mirror.asked[0].path == f"/small/{MODEL}"


async def test_a_pull_as_json_has_one_object_on_its_output(
    settings: Settings, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    async with ModelMirror.open(mirrored()) as mirror:
        await pulled(settings, shelf, source=mirror.url, as_json=True)
    said = capsys.readouterr()
    assert json.loads(said.out) == {"pulled": {"small": True, VAD_ID: True}}
    assert "Test Licence" in said.err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def test_on_a_terminal_one_line_is_written_anew(settings: Settings, shelf: Shelf) -> None:
    terminal = Terminal()
    async with ModelMirror.open(mirrored()) as mirror:
        with redirect_stdout(terminal):
            await pulled(settings, shelf, source=mirror.url)
    line = next(line for line in terminal.getvalue().split("\n") if "\r" in line)
    last = line.split("\r")[-1]
    assert f"[{'#' * 24}] 100 %" in last
    assert "0.2 MB of 0.2 MB" in last


async def test_a_pull_that_fails_says_why(settings: Settings, shelf: Shelf) -> None:
    async with ModelMirror.open() as mirror:
        with pytest.raises(TransportFailed, match="HTTP 404"):
            await pulled(settings, shelf, source=mirror.url)


def test_nobody_pulls_what_hostcue_does_not_know(settings: Settings, shelf: Shelf) -> None:
    with pytest.raises(NotFound, match="knows of no model whisper"):
        pull(settings, ["whisper"], shelf=shelf)


def brought(shelf: Shelf, folder: Path) -> None:
    for one in (SMALL, VAD):
        take_in(shelf, one.lay(folder / one.entry.id))


def test_a_list_has_states_sizes_and_licences(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought(shelf, tmp_path / "stick")
    (shelf.place(VAD_ID, "r1") / "silero_vad.onnx").write_bytes(b"short")
    list_models(settings, as_json=False, shelf=shelf)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["*", "small", "0.2", "MB", "ready"]
    assert "about small" in lines[1]
    assert "Test Licence 1.0, https://example.com/licence" in lines[2]
    assert any("other" in line and "not here" in line for line in lines)
    assert any(VAD_ID in line and "damaged" in line for line in lines)


def test_a_list_as_json_can_be_read_by_a_program(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought(shelf, tmp_path / "stick")
    take_in(shelf, goods("mine", size=9_000).lay(tmp_path / "mine"), allow_unknown=True)
    list_models(settings, as_json=True, shelf=shelf)
    listed = json.loads(capsys.readouterr().out)
    assert listed["speech_model"] == "small"
    models = {model["id"]: model for model in listed["models"]}
    assert {name: model["state"] for name, model in models.items()} == {
        "small": "ready",
        "other": "absent",
        VAD_ID: "ready",
        "mine": "ready",
    }
    assert models["small"]["licence"]["link"] == "https://example.com/licence"
    assert models["mine"]["licence"] is None
    assert len(models["mine"]["files"][0]["sha256"]) == 64
    assert models["other"]["folder"] is None


def test_verify_tells_sound_from_damaged(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought(shelf, tmp_path / "stick")
    assert verify(settings, [], as_json=False, shelf=shelf) == 0
    assert "small: every byte is right" in capsys.readouterr().out
    (shelf.place("small", "r1") / MODEL).write_bytes(b"\0" * 200_000)
    assert verify(settings, [], as_json=False, shelf=shelf) == 1
    said = capsys.readouterr().out
    assert f"small: {MODEL} has another content (SHA-256)" in said
    assert "→ hostcue models pull small" in said
    assert verify(settings, ["small"], as_json=True, shelf=shelf) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False


def test_there_is_nothing_to_verify_on_an_empty_shelf(settings: Settings, shelf: Shelf) -> None:
    with pytest.raises(NotFound) as missing:
        verify(settings, [], as_json=False, shelf=shelf)
    assert missing.value.remedy == "hostcue models pull"


def test_an_import_says_what_is_still_missing(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = SMALL.lay(tmp_path / "stick")
    import_models(settings, folder, name="", allow_unknown=False, as_json=False, shelf=shelf)
    said = capsys.readouterr().out
    assert "small: 0.2 MB, as its makers published it" in said
    assert "Test Licence 1.0" in said
    assert "the voice detector (silero VAD) is not there" in said
    assert "hostcue models pull silero-vad" in said


def test_a_model_of_ones_own_says_how_to_use_it(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought(shelf, tmp_path / "stick")
    folder = goods("mine", size=9_000).lay(tmp_path / "mine")
    import_models(settings, folder, name="", allow_unknown=True, as_json=False, shelf=shelf)
    assert "set HOSTCUE_SPEECH_MODEL=mine" in capsys.readouterr().out


def test_no_model_goes_while_a_server_runs_unless_it_is_forced(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought(shelf, tmp_path / "stick")
    with sole_owner(settings.data_dir):
        with pytest.raises(Conflict, match="may be listening with small"):
            delete(settings, "small", force=False, as_json=False, shelf=shelf)
        assert shelf.find("small").id == "small"
        delete(settings, "small", force=True, as_json=False, shelf=shelf)
    assert "small deleted, 0.2 MB are free again" in capsys.readouterr().out
    with pytest.raises(SpeechMissing):
        shelf.find("small")
    delete(settings, VAD_ID, force=False, as_json=True, shelf=shelf)
    assert json.loads(capsys.readouterr().out)["removed"] == VAD_ID


def test_the_path_of_a_model_is_printed(
    settings: Settings, shelf: Shelf, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    brought(shelf, tmp_path / "stick")
    print_path(settings, "", shelf=shelf)
    assert capsys.readouterr().out.strip() == str(shelf.place("small", "r1"))
    with pytest.raises(NotFound):
        print_path(settings, "nothing", shelf=shelf)


def command(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hostcue", "models", *arguments],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONUTF8": "1", **more},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_command_lists_and_leaves_nothing_behind(tmp_path: Path) -> None:
    done = command(tmp_path, "list", "--json")
    assert done.returncode == 0, done.stderr
    listed = json.loads(done.stdout)
    assert "sensevoice-int8" in {model["id"] for model in listed["models"]}
    assert list(tmp_path.iterdir()) == []


async def test_the_command_ends_with_1_and_what_to_do(tmp_path: Path) -> None:
    async with ModelMirror.open() as mirror:
        run = partial(command, tmp_path, "pull", "silero-vad", HOSTCUE_MODEL_MIRROR=mirror.url)
        done = await anyio.to_thread.run_sync(run)
    assert done.returncode == 1
    assert "licence: MIT" in done.stdout
    assert f"{mirror.url}/silero-vad/silero_vad.onnx: HTTP 404" in done.stderr
    assert "→ run it again" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
async def test_ctrl_c_stops_the_command_and_says_that_nothing_is_lost(tmp_path: Path) -> None:
    known = CATALOGUE[VAD_ID].files[0]
    path = f"/{VAD_ID}/{known.name}"
    async with ModelMirror.open({path: bytes(known.size_bytes)}) as mirror:
        mirror.stall_at = known.size_bytes // 2 + 1
        process = await anyio.open_process(
            [sys.executable, "-m", "hostcue", "models", "pull", VAD_ID],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOSTCUE_MODEL_MIRROR": mirror.url},
        )
        async with process:
            assert process.stdout is not None
            assert process.stderr is not None
            with anyio.fail_after(90):
                said = BufferedByteReceiveStream(process.stdout)
                await said.receive_until(b"50 %", 10_000)
                process.send_signal(signal.SIGINT)
                await process.wait()
                told = b"".join([block async for block in process.stderr])
    assert process.returncode == 130
    assert told == b"stopped; what came is kept, the same command goes on from there\n"
    (partial_file,) = tmp_path.rglob("*.partial")
    assert partial_file.stat().st_size >= known.size_bytes // 2
