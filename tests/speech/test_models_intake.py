"""Models that are carried here in folders and tars, some of them meant to do harm."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from model_shop import MODEL, TOKENS, detector, goods, shelf_of
from small_disk import MIB, small_disk

from hostcue.errors import BadRequest, DiskFull, ModelRefused
from hostcue.speech.catalogue import VAD_FILE, VAD_ID
from hostcue.speech.intake import take_in
from hostcue.speech.shelf import Shelf

SMALL, OTHER, VAD = goods("small"), goods("other"), detector()
MINE = goods("mine", size=150_000)
Mode = Literal["w", "w:gz", "w:bz2", "w:xz"]


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return shelf_of(tmp_path / "models", SMALL, OTHER, VAD)


def packed(path: Path, folder: Path, mode: Mode = "w:bz2", top: str = "model-2024") -> Path:
    with tarfile.open(path, mode) as tar:
        tar.add(folder, arcname=top)
    return path


def tar_of(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for info, data in members:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def test_a_known_model_is_taken_and_noted(shelf: Shelf, tmp_path: Path) -> None:
    (held,) = take_in(shelf, SMALL.lay(tmp_path / "stick"))
    assert (held.id, held.state) == ("small", "ready")
    assert held.manifest is not None
    assert held.manifest.known
    assert shelf.verify(held) == {}


def test_files_are_known_by_content_not_by_name(shelf: Shelf, tmp_path: Path) -> None:
    folder = SMALL.lay(tmp_path / "stick")
    (folder / MODEL).rename(folder / "download (1)")
    assert [held.id for held in take_in(shelf, folder)] == ["small"]
    assert (shelf.place("small", "r1") / MODEL).is_file()


def test_all_models_of_a_folder_are_taken(shelf: Shelf, tmp_path: Path) -> None:
    for one in (SMALL, VAD):
        one.lay(tmp_path / "stick" / "deep" / one.entry.id)
    assert {held.id for held in take_in(shelf, tmp_path / "stick")} == {"small", VAD_ID}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_a_tar_is_read_however_it_is_packed(shelf: Shelf, tmp_path: Path, mode: Mode) -> None:
    folder = SMALL.lay(tmp_path / "stick")
    (folder / "README.md").write_text("about it")
    (held,) = take_in(shelf, packed(tmp_path / "a.tar", folder, mode))
    assert (held.id, held.state) == ("small", "ready")
    assert [path.name for path in shelf.folder.glob(".import-*")] == []


def test_a_damaged_file_of_a_known_model_is_named(shelf: Shelf, tmp_path: Path) -> None:
    folder = SMALL.lay(tmp_path / "stick")
    (folder / MODEL).write_bytes(b"\0" * 200_000)
    with pytest.raises(ModelRefused, match=f"{MODEL} looks like that of small, but is damaged"):
        take_in(shelf, folder)


def test_an_unknown_model_needs_to_be_allowed(shelf: Shelf, tmp_path: Path) -> None:
    folder = MINE.lay(tmp_path / "mine")
    with pytest.raises(ModelRefused, match="no whole model") as refused:
        take_in(shelf, folder)
    assert "--allow-unknown" in (refused.value.remedy or "")
    (held,) = take_in(shelf, folder, allow_unknown=True)
    assert (held.id, held.family, held.state) == ("mine", "sensevoice", "ready")
    assert held.manifest is not None
    assert not held.manifest.known
    assert "mine" in {one.id for one in shelf.every()}


def test_known_ones_beside_it_are_taken_as_known(shelf: Shelf, tmp_path: Path) -> None:
    folder = VAD.lay(MINE.lay(tmp_path / "mine"))
    assert [held.id for held in take_in(shelf, folder, allow_unknown=True)] == [VAD_ID, "mine"]
    assert shelf.find("mine").model.name == MODEL


def test_nothing_unknown_need_be_there(shelf: Shelf, tmp_path: Path) -> None:
    folder = SMALL.lay(tmp_path / "stick")
    assert [held.id for held in take_in(shelf, folder, allow_unknown=True)] == ["small"]


def test_an_unknown_model_brings_the_detector_beside_it(shelf: Shelf, tmp_path: Path) -> None:
    folder = MINE.lay(tmp_path / "mine")
    (folder / VAD_FILE).write_bytes(b"another")
    take_in(shelf, folder, allow_unknown=True)
    assert shelf.find("mine").vad.read_bytes() == b"another"


def test_a_later_one_of_that_name_takes_its_place(shelf: Shelf, tmp_path: Path) -> None:
    take_in(shelf, VAD.lay(tmp_path / "vad"))
    take_in(shelf, goods("first").lay(tmp_path / "a"), name="mine", allow_unknown=True)
    take_in(shelf, goods("second").lay(tmp_path / "b"), name="mine", allow_unknown=True)
    assert len(list((shelf.folder / "mine").iterdir())) == 1
    assert shelf.find("mine").model.read_bytes() == goods("second").files[MODEL]


def test_one_of_a_tar_is_called_as_its_folder(shelf: Shelf, tmp_path: Path) -> None:
    tar = packed(tmp_path / "a.tar.bz2", MINE.lay(tmp_path / "x"), top="my model")
    (held,) = take_in(shelf, tar, allow_unknown=True)
    assert held.id == "my-model"


def test_one_without_a_folder_is_called_as_the_tar(shelf: Shelf, tmp_path: Path) -> None:
    tar = packed(tmp_path / "mine-1.0.tar.bz2", MINE.lay(tmp_path / "x"), top=".")
    (held,) = take_in(shelf, tar, allow_unknown=True)
    assert held.id == "mine-1.0"


@pytest.mark.parametrize("name", ["small", "../up", "a/b", ".hidden", "名"])
def test_a_name_that_is_taken_or_leads_away_is_refused(
    shelf: Shelf, tmp_path: Path, name: str
) -> None:
    folder = MINE.lay(tmp_path / "mine")
    with pytest.raises(BadRequest, match="the name"):
        take_in(shelf, folder, name=name, allow_unknown=True)
    assert not (shelf.folder / "small").exists()


def test_an_unknown_one_that_cannot_be_loaded_is_refused(tmp_path: Path) -> None:
    def refuse(*_: Path) -> str:
        raise ModelRefused("no metadata")

    shelf = shelf_of(tmp_path / "models", SMALL, inspect=refuse)
    with pytest.raises(ModelRefused, match="no metadata"):
        take_in(shelf, MINE.lay(tmp_path / "mine"), allow_unknown=True)
    assert shelf.held("mine") is None


@pytest.mark.parametrize("count", [0, 2])
def test_one_unknown_model_at_a_time(shelf: Shelf, tmp_path: Path, count: int) -> None:
    (tmp_path / "stick").mkdir()
    for number in range(count):
        goods(f"mine{number}").lay(tmp_path / "stick" / str(number))
    with pytest.raises(BadRequest, match="folders in"):
        take_in(shelf, tmp_path / "stick", allow_unknown=True)


def entry(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


HARM = {
    "above": entry(f"../{TOKENS}"),
    "deep above": entry(f"a/b/../../../{TOKENS}"),
    "root": entry(f"/etc/{TOKENS}"),
    "drive": entry(f"C:\\{TOKENS}"),
    "backslash": entry(f"..\\{TOKENS}"),
    "symbolic link": entry(TOKENS, tarfile.SYMTYPE, "/etc/passwd"),
    "hard link": entry(TOKENS, tarfile.LNKTYPE, "/etc/passwd"),
    "device": entry(TOKENS, tarfile.CHRTYPE),
    "pipe": entry(TOKENS, tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("kind", HARM)
def test_a_tar_that_leads_out_of_itself_is_refused_whole(
    shelf: Shelf, tmp_path: Path, kind: str
) -> None:
    harmful = tar_of(tmp_path / "a.tar", (HARM[kind], b""))
    before = {path for path in tmp_path.rglob("*") if shelf.folder not in path.parents}
    with pytest.raises(ModelRefused, match=r"leads out of it|no plain file"):
        take_in(shelf, harmful, allow_unknown=True)
    after = {path for path in tmp_path.rglob("*") if shelf.folder not in path.parents}
    assert after - {shelf.folder} == before
    assert list(shelf.folder.iterdir()) == []


def test_a_tar_that_unpacks_to_too_much_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    bomb = packed(tmp_path / "a.tar.bz2", SMALL.lay(tmp_path / "x"))
    with pytest.raises(ModelRefused, match="holds more than"):
        take_in(shelf, bomb, largest_bytes=100_000)


def test_a_tar_with_a_file_twice_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    twice = tar_of(tmp_path / "a.tar", (entry(TOKENS), b"a"), (entry(TOKENS), b"b"))
    with pytest.raises(ModelRefused, match="twice"):
        take_in(shelf, twice)


def in_half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def spoilt(data: bytes) -> bytes:
    return data[:2_000] + bytes(b ^ 0x5A for b in data[2_000:4_000]) + data[4_000:]


@pytest.mark.parametrize("harm", [in_half, spoilt], ids=["half", "spoilt"])
@pytest.mark.parametrize("mode", ["w:gz", "w:bz2", "w:xz"])
def test_a_damaged_tar_is_refused(
    shelf: Shelf, tmp_path: Path, mode: Mode, harm: Callable[[bytes], bytes]
) -> None:
    path = packed(tmp_path / "a.tar", SMALL.lay(tmp_path / "x"), mode)
    path.write_bytes(harm(path.read_bytes()))
    with pytest.raises((ModelRefused, BadRequest), match=r"damaged|no tar file|no whole model"):
        take_in(shelf, path)
    held = shelf.held("small")
    assert held is not None
    assert held.state == "absent"


@pytest.mark.parametrize("name", ["nothing", "file.txt"])
def test_what_is_neither_folder_nor_tar_is_refused(shelf: Shelf, tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("no tar")
    with pytest.raises(BadRequest) as refused:
        take_in(shelf, tmp_path / name)
    assert refused.value.remedy == "give a folder or a tar file"


def test_a_full_disk_is_said(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_mib=8) as disk:
        if not disk.own:
            pytest.skip("needs a disk of its own")
        large = goods("large", size=12 * MIB)
        shelf = shelf_of(disk.folder / "models", large)
        with pytest.raises(DiskFull):
            take_in(shelf, large.lay(tmp_path / "stick"))
        with pytest.raises(DiskFull):
            take_in(shelf, packed(tmp_path / "a.tar", tmp_path / "stick", "w"))
