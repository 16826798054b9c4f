"""Finding, checking and deleting what lies on the shelf."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from model_shop import MODEL, TOKENS, detector, goods, shelf_of
from tone_speech import build_tone_model

from hostcue.errors import Conflict, ModelRefused, NotFound, SpeechMissing
from hostcue.speech.catalogue import CATALOGUE, DEFAULT_MODEL, VAD_FILE, VAD_ID
from hostcue.speech.intake import take_in
from hostcue.speech.manifest import Manifest
from hostcue.speech.shelf import Shelf, installed_vad, is_id
from hostcue.speech.shelving import alone, remove
from hostcue.wiring.speech import look_up

SMALL = goods("small")
VAD = detector()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """With one model and the voice detector on it."""
    shelf = shelf_of(tmp_path / "models", SMALL, goods("other"), VAD)
    for one in (SMALL, VAD):
        take_in(shelf, one.lay(tmp_path / "brought" / one.entry.id))
    return shelf


def test_a_model_is_found_by_its_id_with_the_detector_of_the_shelf(shelf: Shelf) -> None:
    found = shelf.find("small")
    folder = shelf.folder / "small" / "r1"
    assert (found.id, found.family) == ("small", "sensevoice")
    assert (found.model, found.tokens) == (folder / MODEL, folder / TOKENS)
    assert found.vad == shelf.folder / VAD_ID / "r1" / VAD_FILE


def test_what_is_not_there_is_to_be_pulled_by_this_command(shelf: Shelf) -> None:
    with pytest.raises(SpeechMissing, match="the model other is not there") as missing:
        shelf.find("other")
    assert missing.value.remedy == "hostcue models pull other (0.2 MB)"


def test_half_a_pull_is_no_model(shelf: Shelf) -> None:
    folder = shelf.place("other", "r1")
    folder.mkdir(parents=True)
    (folder / f"{MODEL}.partial").write_bytes(b"half")
    with pytest.raises(SpeechMissing, match="only partly there"):
        shelf.find("other")


@pytest.mark.parametrize("name", ["nothing", "/no/such/folder", "../up", "", "a b"])
def test_a_name_of_nothing_says_where_names_are(shelf: Shelf, name: str) -> None:
    with pytest.raises((SpeechMissing, ModelRefused)) as missing:
        shelf.find(name)
    assert missing.value.remedy is not None
    assert "hostcue models list" in missing.value.remedy


def test_the_detector_is_no_recogniser(shelf: Shelf) -> None:
    with pytest.raises(SpeechMissing, match="not what"):
        shelf.find(VAD_ID)


def cut(path: Path) -> None:
    os.truncate(path, 100)


def change(path: Path) -> None:
    path.write_bytes(b"\0" * path.stat().st_size)


@pytest.mark.parametrize("harm", [cut, change, Path.unlink], ids=["cut", "changed", "gone"])
@pytest.mark.parametrize("file", [MODEL, TOKENS])
def test_a_damaged_model_is_refused_with_what_mends_it(
    shelf: Shelf, harm: Callable[[Path], None], file: str
) -> None:
    harm(shelf.place("small", "r1") / file)
    with pytest.raises(ModelRefused, match=f"damaged: {file}") as refused:
        shelf.find("small")
    assert "hostcue models pull small" in (refused.value.remedy or "")
    held = shelf.held("small")
    assert held is not None
    assert list(shelf.verify(held)) == [file]


def test_a_restored_copy_with_other_times_is_read_once_and_taken(
    shelf: Shelf, tmp_path: Path
) -> None:
    restored = tmp_path / "restored"
    shutil.copytree(shelf.folder, restored, copy_function=shutil.copyfile)
    copy = shelf_of(restored, SMALL, VAD)
    folder = copy.place("small", "r1")
    noted = Manifest.read(folder)
    assert noted is not None
    assert not noted.files[0].is_as_noted(folder)
    assert copy.find("small").model == folder / MODEL
    noted = Manifest.read(folder)
    assert noted is not None
    assert noted.files[0].is_as_noted(folder)


def test_a_model_that_cannot_be_loaded_is_refused(shelf: Shelf) -> None:
    def refuse(*_: Path) -> str:
        raise ModelRefused("no metadata")

    with pytest.raises(ModelRefused, match="no metadata"):
        shelf_of(shelf.folder, SMALL, VAD, inspect=refuse).find("small")


def test_a_folder_is_taken_as_it_is(shelf: Shelf, tmp_path: Path) -> None:
    folder = SMALL.lay(tmp_path / "my folder")
    found = shelf.find(str(folder))
    assert (found.id, found.model) == ("my folder", folder / MODEL)
    assert found.vad == shelf.folder / VAD_ID / "r1" / VAD_FILE


def test_a_folder_with_a_detector_of_its_own_uses_that(shelf: Shelf, tmp_path: Path) -> None:
    folder = VAD.lay(SMALL.lay(tmp_path / "both"))
    assert shelf.find(str(folder)).vad == folder / VAD_FILE


@pytest.mark.parametrize("lacks", [MODEL, TOKENS])
def test_a_folder_without_one_of_the_files_is_refused(
    shelf: Shelf, tmp_path: Path, lacks: str
) -> None:
    folder = SMALL.lay(tmp_path / "half")
    (folder / lacks).unlink()
    with pytest.raises(ModelRefused, match=lacks):
        shelf.find(str(folder))


def test_of_two_models_in_a_folder_the_smaller_one_is_taken(shelf: Shelf, tmp_path: Path) -> None:
    folder = SMALL.lay(tmp_path / "two")
    (folder / "model.onnx").write_bytes(b"\0" * 900_000)
    assert shelf.find(str(folder)).model == folder / MODEL


def test_without_any_detector_its_two_ways_are_named(tmp_path: Path) -> None:
    shelf = shelf_of(tmp_path, SMALL, VAD)
    with pytest.raises(SpeechMissing, match="voice detector") as missing:
        shelf.vad()
    assert missing.value.remedy is not None
    assert "hostcue models pull silero-vad (0.0 MB)" in missing.value.remedy
    assert "pip install --no-deps silero-vad" in missing.value.remedy


def test_the_detector_of_the_package_will_do(tmp_path: Path) -> None:
    installed = tmp_path / VAD_FILE
    shelf = shelf_of(tmp_path / "models", SMALL, VAD, installed=installed)
    assert shelf.vad() == installed


def test_the_package_brings_the_file_of_the_catalogue() -> None:
    try:
        distribution("silero-vad")
    except PackageNotFoundError:
        if os.environ.get("HOSTCUE_REQUIRE_ALL") == "1":
            pytest.fail("silero-vad is not installed, and HOSTCUE_REQUIRE_ALL=1")
        pytest.skip("the package silero-vad is not installed")
    path = installed_vad()
    assert path is not None
    known = CATALOGUE[VAD_ID].files[0]
    assert path.stat().st_size == known.size_bytes
    assert hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256


def test_a_real_folder_is_looked_into(tmp_path: Path) -> None:
    files = build_tone_model(tmp_path / "tones")
    shelf = Shelf(tmp_path / "models")
    found = shelf.find(str(files.folder))
    assert (found.family, found.model, found.vad) == ("sensevoice", files.model, files.vad)
    files.vad.write_bytes(files.model.read_bytes())
    with pytest.raises(ModelRefused, match="no silero voice detector"):
        shelf.find(str(files.folder))
    files.tokens.write_text("a 0\n")
    with pytest.raises(ModelRefused, match=r"tokens\.txt belongs to another model"):
        shelf.find(str(files.folder))
    files.model.write_bytes(files.model.read_bytes()[:50_000])
    with pytest.raises(ModelRefused, match="not copied or downloaded whole"):
        shelf.find(str(files.folder))


def test_no_requirement_brings_torch() -> None:
    root = Path(__file__).parents[2]
    for name in ("requirements.all.txt", "requirements.dev.txt"):
        pinned = (root / name).read_text().splitlines()
        assert not [line for line in pinned if line.startswith(("torch", "onnxruntime", "silero"))]


def test_a_model_is_deleted_with_all_that_belongs_to_it(shelf: Shelf) -> None:
    size = sum(path.stat().st_size for path in (shelf.folder / "small").rglob("*.*"))
    assert remove(shelf, "small") == size
    assert not (shelf.folder / "small").exists()
    assert (shelf.folder / VAD_ID).exists()


def test_a_model_that_is_being_pulled_is_not_deleted(shelf: Shelf) -> None:
    with alone(shelf.folder, "small"), pytest.raises(Conflict):
        remove(shelf, "small")
    assert shelf.find("small").id == "small"


@pytest.mark.parametrize("name", ["other", "nothing", "..", ".", "", "small/r1", "/etc"])
def test_nothing_but_a_model_is_deleted(shelf: Shelf, name: str) -> None:
    before = sorted(shelf.folder.parent.rglob("*"))
    with pytest.raises(NotFound):
        remove(shelf, name)
    assert sorted(shelf.folder.parent.rglob("*")) == before


@given(name=st.text(max_size=80))
def test_an_id_never_leads_out_of_the_shelf(name: str) -> None:
    if is_id(name):
        assert Path("/shelf", name).resolve().parent == Path("/shelf")
        assert "\\" not in name


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"files": [{}]}', '{"files": [{"name": "../x"}]}', "\x00"],
)
def test_a_note_that_makes_no_sense_is_none(shelf: Shelf, text: str) -> None:
    folder = shelf.place("small", "r1")
    (folder / "manifest.json").write_text(text)
    assert Manifest.read(folder) is None
    held = shelf.held("small")
    assert held is not None
    assert held.state == "partial"  # the next pull hashes the files and notes them anew


def test_the_catalogue_is_whole() -> None:
    assert DEFAULT_MODEL in CATALOGUE
    for name, entry in CATALOGUE.items():
        assert is_id(name)
        assert is_id(entry.revision)
        assert entry.mirrors
        assert all(mirror.startswith("https://") for mirror in entry.mirrors)
        assert all(mirror.endswith("/") for mirror in entry.mirrors)
        assert entry.licence.link.startswith("https://")
        assert all(len(file.sha256) == 64 for file in entry.files)
        assert all(file.size_bytes > 0 for file in entry.files)
        names = {file.name for file in entry.files}
        assert names == ({VAD_FILE} if name == VAD_ID else {MODEL, TOKENS})


def test_a_folder_that_cannot_be_read_is_what_a_server_tells_instead_of_ending(
    tmp_path: Path,
) -> None:
    def unreadable() -> Path:
        raise PermissionError(13, "Permission denied", "/models")

    model = tmp_path / "own"
    model.mkdir()
    (model / "model.int8.onnx").touch()
    (model / "tokens.txt").touch()
    shelf = Shelf(tmp_path, inspect=lambda *_: "sensevoice", installed_vad=unreadable)
    found = look_up(shelf, str(model))
    assert isinstance(found.error, ModelRefused)
    assert (found.error.field, found.vad_found) == ("HOSTCUE_DATA_DIR", False)
