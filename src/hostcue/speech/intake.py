"""Models that somebody carries to this machine, in a folder or a tar file."""

from __future__ import annotations

import re
import shutil
import tarfile
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from lzma import LZMAError
from pathlib import Path, PurePosixPath, PureWindowsPath

from hostcue.errors import BadRequest, ModelRefused
from hostcue.speech.catalogue import VAD_FILE, Catalogue, Entry, KnownFile
from hostcue.speech.manifest import PARTIAL, Manifest, StoredFile, sha256_of
from hostcue.speech.shelf import TOKENS, Held, Shelf, in_mb, is_id, model_in
from hostcue.speech.shelving import alone, check_space, note, now_text, writing

LARGEST_BYTES = 8 << 30
_MOST_FILES = 10_000
_OWN = "give one of your own a name with --name and import it with --allow-unknown"
_BROKEN = (tarfile.TarError, EOFError, zlib.error, LZMAError, OSError)


def take_in(
    shelf: Shelf,
    source: Path,
    *,
    name: str = "",
    allow_unknown: bool = False,
    largest_bytes: int = LARGEST_BYTES,
) -> list[Held]:
    """Copy onto the shelf the known models that a folder or a tar holds; files may bear any name.

    With `allow_unknown` one that is not known is taken, too, as `name`, or as its folder is called;
    its hashes are noted as they are. Blocks.

    Raises:
        ModelRefused: it holds no known model, or one that cannot be loaded, or is no sound tar.
        BadRequest: there is nothing there, or more than one model that is not known.
        DiskFull, ConfigError, Conflict: it cannot be written.
    """
    with writing(shelf.folder), _opened(source, shelf.folder, largest_bytes) as folder:
        paths = _files(folder)
        found = _known(paths, shelf.catalogue)
        if not found and not allow_unknown:
            raise _unknown(source, paths, shelf.catalogue)
        held = [_put_known(shelf, entry, files) for entry, files in found]
        known = {path for _, files in found for path in files.values()}
        if allow_unknown and (inside := _own_folder(folder, paths, known)) is not None:
            called = name or _name_of(source if inside == folder else inside)
            held.append(_put_unknown(shelf, inside, called))
        return held


@contextmanager
def _opened(source: Path, shelf: Path, largest_bytes: int) -> Iterator[Path]:
    if source.is_dir():
        yield source
    elif not source.is_file():
        raise BadRequest(f"there is no {source}", remedy="give a folder or a tar file")
    elif not tarfile.is_tarfile(source):
        raise BadRequest(f"{source} is no tar file", remedy="give a folder or a tar file")
    else:
        shelf.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=shelf, prefix=".import-") as place:
            unpack(source, Path(place), largest_bytes)
            yield Path(place)


def unpack(source: Path, target: Path, largest_bytes: int) -> None:
    """Lay a tar's models and vocabularies into a folder, and nothing else.

    Raises:
        ModelRefused: it is damaged, too large, or holds links or paths that lead out of it.
        DiskFull: there is not enough space.
    """
    total = count = 0
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                total, count = total + member.size, count + 1
                if total > largest_bytes or count > _MOST_FILES:
                    raise _refused(source, f"holds more than {in_mb(largest_bytes)}, or files")
                _check_member(source, member)
                if member.isreg() and _of_a_model(member.name):
                    check_space(target, member.size)
                    _lay(tar, member, target / member.name)
    except FileExistsError:
        raise _refused(source, "holds a file twice") from None
    except _BROKEN as exc:
        if isinstance(exc, OSError) and exc.errno is not None:  # the disk's word, not bzip2's
            raise
        raise _refused(source, f"is damaged ({type(exc).__name__})") from exc


def _check_member(source: Path, member: tarfile.TarInfo) -> None:
    for path in (PurePosixPath(member.name), PureWindowsPath(member.name)):
        if path.anchor or ".." in path.parts:
            raise _refused(source, "holds a path that leads out of it")
    if not (member.isdir() or member.isreg()) or member.issparse():
        raise _refused(source, "holds a link or another thing that is no plain file")


def _lay(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    packed = tar.extractfile(member)
    if packed is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with packed, path.open("xb") as file:
        shutil.copyfileobj(packed, file, 1 << 20)


def _refused(source: Path, why: str) -> ModelRefused:
    return ModelRefused(f"{source} {why}", remedy="get it anew, or unpack it and give the folder")


def _of_a_model(name: str) -> bool:
    return name.endswith(".onnx") or PurePosixPath(name).name == TOKENS


def _files(folder: Path) -> list[Path]:
    paths = []
    for path in folder.rglob("*"):
        if path.is_file():
            paths.append(path)
        if len(paths) > _MOST_FILES:
            raise BadRequest(
                f"{folder} holds more than {_MOST_FILES} files", remedy="give the model's folder"
            )
    return sorted(paths)


def _known(paths: list[Path], catalogue: Catalogue) -> list[tuple[Entry, dict[KnownFile, Path]]]:
    """Of which models all files are there; only files of a known size are read."""
    sizes = {file.size_bytes for entry in catalogue.values() for file in entry.files}
    by_hash = {sha256_of(path): path for path in paths if path.stat().st_size in sizes}
    return [
        (entry, {file: by_hash[file.sha256] for file in entry.files})
        for entry in catalogue.values()
        if all(file.sha256 in by_hash for file in entry.files)
    ]


def _unknown(source: Path, paths: list[Path], catalogue: Catalogue) -> ModelRefused:
    """Its files are none of a known model; one that looks like one is told of as damaged."""
    for entry in catalogue.values():
        like = {
            (file.name, file.size_bytes): file.sha256
            for file in entry.files
            if file.name.endswith(".onnx")
        }
        for path in paths:
            expected = like.get((path.name, path.stat().st_size))
            if expected is not None and sha256_of(path) != expected:
                return ModelRefused(
                    f"{path.name} looks like that of {entry.id}, but is damaged (SHA-256)",
                    remedy=f"get it anew; or {_OWN}",
                )
    return ModelRefused(
        f"{source} holds no whole model that hostcue knows",
        remedy=f"`hostcue models list` names the files; {_OWN}",
    )


def _put_known(shelf: Shelf, entry: Entry, files: dict[KnownFile, Path]) -> Held:
    folder = shelf.place(entry.id, entry.revision)
    with alone(shelf.folder, entry.id):
        folder.mkdir(parents=True, exist_ok=True)
        check_space(folder, entry.size_bytes)
        for file, path in files.items():
            if _copy(path, folder / file.name) != file.sha256:
                raise ModelRefused(f"{path} changed while it was read", remedy="try again")
        note(entry, folder, {})
    return _now(shelf, entry.id)


def _own_folder(folder: Path, paths: list[Path], known: set[Path]) -> Path | None:
    """Where a model lies that is none of the known; None where there are only known ones."""
    places = {
        path.parent
        for path in paths
        if path.name == TOKENS and model_in(path.parent) not in {None, *known}
    }
    if len(places) == 1 or (known and not places):
        return places.pop() if places else None
    raise BadRequest(
        f"{len(places) or 'no'} folders in {folder} hold a model*.onnx with a {TOKENS}",
        remedy="give a folder with one model",
    )


def _name_of(path: Path) -> str:
    name = path.name.partition(".tar")[0] if path.is_file() else path.resolve().name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")


def _put_unknown(shelf: Shelf, source: Path, name: str) -> Held:
    if not is_id(name) or name in shelf.catalogue:
        taken = "is that of a known model" if name in shelf.catalogue else "cannot be used"
        raise BadRequest(
            f"the name {name!r} {taken}", remedy="give another one with --name, such as my-model"
        )
    model = model_in(source)
    if model is None:
        raise BadRequest(f"{source} holds no model*.onnx", remedy="give a folder with one model")
    family = shelf.inspect(model, source / TOKENS)
    paths = [model, source / TOKENS]
    if (source / VAD_FILE).is_file():
        paths.append(source / VAD_FILE)
    folder = shelf.place(name, sha256_of(model)[:12])
    with alone(shelf.folder, name):
        folder.mkdir(parents=True, exist_ok=True)
        check_space(folder, sum(path.stat().st_size for path in paths))
        files = tuple(
            StoredFile(path.name, path.stat().st_size, _copy(path, folder / path.name), 0)
            for path in paths
        )
        manifest = Manifest(name, folder.name, family, False, "unknown", "", now_text(), files)
        manifest.touched(folder).write(folder)
        for other in folder.parent.iterdir():  # what bore this name before
            if other != folder:
                shutil.rmtree(other)
    return _now(shelf, name)


def _copy(path: Path, target: Path) -> str:
    """The hash of the copy, read back."""
    draft = target.with_name(f"{target.name}{PARTIAL}")
    shutil.copyfile(path, draft)
    digest = sha256_of(draft)
    draft.replace(target)
    return digest


def _now(shelf: Shelf, name: str) -> Held:
    held = shelf.held(name)
    if held is None:
        raise ModelRefused(f"{name} cannot be read back", remedy="see whether its disk is sound")
    return held
