"""The models of this machine, each in a folder `<id>/<revision>` of its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Literal

from hostcue.errors import ModelRefused, SpeechMissing
from hostcue.speech.catalogue import CATALOGUE, VAD_FILE, VAD_ID, Catalogue, Entry
from hostcue.speech.manifest import Manifest, size_of
from hostcue.speech.preflight import check_recogniser, check_vad, family_of

State = Literal["ready", "damaged", "partial", "absent"]
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
TOKENS = "tokens.txt"


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """What the engine loads."""

    id: str
    family: str
    model: Path
    tokens: Path
    vad: Path


@dataclass(frozen=True, slots=True)
class Held:
    """One model as `hostcue models list` shows it; without an entry it was brought by hand."""

    id: str
    revision: str
    family: str
    state: State
    size_bytes: int
    folder: Path
    entry: Entry | None = None
    manifest: Manifest | None = None


def inspect(model: Path, tokens: Path) -> str:
    """The family of a model that can be loaded with these tokens.

    Raises:
        ModelRefused: it can't.
    """
    family = family_of(model)
    check_recogniser(model, tokens, family)
    return family


def installed_vad() -> Path | None:
    """The file in the installed package `silero-vad`, which is not imported: it needs torch."""
    try:
        place = distribution("silero-vad").locate_file(f"silero_vad/data/{VAD_FILE}")
    except PackageNotFoundError:
        return None
    path = Path(str(place))
    return path if path.is_file() else None


class Shelf:
    """Finds models by their id, or in a folder that somebody names; downloads nothing."""

    def __init__(
        self,
        folder: Path,
        catalogue: Catalogue = CATALOGUE,
        *,
        inspect: Callable[[Path, Path], str] = inspect,
        check_vad: Callable[[Path], None] = check_vad,
        installed_vad: Callable[[], Path | None] = installed_vad,
    ) -> None:
        """`inspect` and `check_vad` look into files and refuse what cannot be loaded."""
        self.folder = folder
        self.catalogue = catalogue
        self.inspect = inspect
        self._check_vad = check_vad
        self.installed_vad = installed_vad

    def find(self, name: str) -> ModelFiles:
        """The files of a model; `name` is an id, or the path of a folder that holds them.

        Looks at sizes and times of change only; a file that was changed since is hashed once more,
        which takes a second. Blocks.

        Raises:
            SpeechMissing: the model, or the voice detector, is not there; the remedy gets it.
            ModelRefused: it is damaged, or cannot be loaded.
        """
        held = self.held(name)
        if held is None:
            return self._in_folder(name)
        if held.family == VAD_ID:
            raise SpeechMissing(
                f"{name} hears whether somebody speaks, not what",
                field="HOSTCUE_SPEECH_MODEL",
                remedy="`hostcue models list` names those that do",
            )
        folder = self.require(held)
        model = model_in(folder)
        if model is None:
            raise _damaged(held.id, "no model*.onnx in its folder")
        return self._checked(held.id, model, folder / TOKENS)

    def vad(self, beside: Path | None = None) -> Path:
        """The voice detector's file: beside a model, on the shelf, or in the installed package.

        Raises:
            SpeechMissing: it is in none of them.
            ModelRefused: the one on the shelf is damaged.
        """
        if beside is not None and (beside / VAD_FILE).is_file():
            return beside / VAD_FILE
        held = self.held(VAD_ID)
        if held is not None and held.state != "absent" and held.manifest is not None:
            return self.require(held) / VAD_FILE
        installed = self.installed_vad()
        if installed is not None:
            return installed
        raise SpeechMissing(
            "the voice detector (silero VAD) is not there",
            remedy=f"{self._pull_command(VAD_ID)}; or pip install --no-deps silero-vad",
        )

    def held(self, name: str) -> Held | None:
        """One model by its id, there or not; None for an id that nothing is known of."""
        entry = self.catalogue.get(name)
        if entry is not None:
            folder = self.place(name, entry.revision)
            manifest = Manifest.read(folder)
            state: State = "absent"
            if manifest is not None:
                state = "ready" if manifest.fits(folder) else "damaged"
            elif folder.is_dir() and any(folder.iterdir()):
                state = "partial"
            size = entry.size_bytes if state == "absent" else size_of(folder)
            return Held(name, entry.revision, entry.family, state, size, folder, entry, manifest)
        if not is_id(name):
            return None
        for folder in _folders(self.folder / name):
            manifest = Manifest.read(folder)
            if manifest is not None:
                state = "ready" if manifest.fits(folder) else "damaged"
                size = size_of(folder)
                return Held(name, folder.name, manifest.family, state, size, folder, None, manifest)
        return None

    def every(self) -> list[Held]:
        """Those of the catalogue, then those brought by hand."""
        own = (path.name for path in _folders(self.folder) if path.name not in self.catalogue)
        return [held for name in (*self.catalogue, *own) if (held := self.held(name)) is not None]

    def place(self, name: str, revision: str) -> Path:
        """Where a model's files go."""
        return self.folder / name / revision

    def require(self, held: Held) -> Path:
        """The folder of a model whose files are those that were once found right.

        Raises:
            SpeechMissing: it is not there, or only half of it.
            ModelRefused: a file was changed since.
        """
        manifest = held.manifest
        if manifest is None:
            half = "only partly there" if held.state == "partial" else "not there"
            raise SpeechMissing(
                f"the model {held.id} is {half}",
                field="HOSTCUE_SPEECH_MODEL",
                remedy=self._pull_command(held.id),
            )
        changed = [file for file in manifest.files if not file.is_as_noted(held.folder)]
        for file in changed:
            if wrong := file.fault(held.folder):
                raise _damaged(held.id, f"{file.name} {wrong}")
        if changed:  # a copy of the whole folder has other times
            _note(manifest.touched(held.folder), held.folder)
        return held.folder

    def verify(self, held: Held, told: Callable[[int], None] | None = None) -> dict[str, str]:
        """What is wrong with which file; every byte is read. Empty when all is well."""
        manifest = held.manifest
        if manifest is None:
            return {"": "only partly there" if held.state == "partial" else "not there"}
        faults = {file.name: file.fault(held.folder, told) for file in manifest.files}
        wrong = {name: fault for name, fault in faults.items() if fault}
        if not wrong:
            _note(manifest.touched(held.folder), held.folder)
        return wrong

    def _in_folder(self, name: str) -> ModelFiles:
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise SpeechMissing(
                f"there is no model {name}",
                field="HOSTCUE_SPEECH_MODEL",
                remedy="`hostcue models list` names those there are; or give the path of a folder "
                "with model.int8.onnx and tokens.txt",
            )
        model, tokens = model_in(folder), folder / TOKENS
        lacks = "model.int8.onnx" if model is None else "" if tokens.is_file() else TOKENS
        if model is None or lacks:
            raise ModelRefused(
                f"the folder {folder} holds no {lacks}",
                field="HOSTCUE_SPEECH_MODEL",
                remedy="give a folder with model.int8.onnx and tokens.txt, or an id of "
                "`hostcue models list`",
            )
        return self._checked(folder.name, model, tokens)

    def _checked(self, name: str, model: Path, tokens: Path) -> ModelFiles:
        family = self.inspect(model, tokens)
        vad = self.vad(model.parent)
        self._check_vad(vad)
        return ModelFiles(name, family, model, tokens, vad)

    def _pull_command(self, name: str) -> str:
        entry = self.catalogue.get(name)
        size = f" ({in_mb(entry.size_bytes)})" if entry is not None else ""
        return f"hostcue models pull {name}{size}"


def unreadable(exc: OSError) -> ModelRefused:
    """What to tell where a folder of models cannot be looked into."""
    return ModelRefused(
        f"the models can't be read: {exc.strerror or exc}",
        field="HOSTCUE_DATA_DIR",
        remedy="make its folder `models` readable for hostcue",
    )


def is_id(text: str) -> bool:
    """Whether it can name a folder of the shelf, on every system, and leads nowhere else."""
    return _ID.fullmatch(text) is not None


def in_mb(size_bytes: int) -> str:
    """A size for people."""
    return f"{size_bytes / 1e6:.1f} MB" if size_bytes < 1e7 else f"{size_bytes / 1e6:.0f} MB"


def _damaged(name: str, what: str) -> ModelRefused:
    return ModelRefused(
        f"the model {name} is damaged: {what}",
        field="HOSTCUE_SPEECH_MODEL",
        remedy=f"hostcue models pull {name}; one of your own: import it again",
    )


def _note(manifest: Manifest, folder: Path) -> None:
    with suppress(OSError):  # a folder that cannot be written is hashed each time
        manifest.write(folder)


def model_in(folder: Path) -> Path | None:
    """The model's file; the smaller one of two, which is the quicker one."""
    found = [path for path in folder.glob("model*.onnx") if path.is_file()]
    return min(found, key=lambda path: (path.stat().st_size, path.name), default=None)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_dir() and is_id(path.name))
