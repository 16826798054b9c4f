"""`hostcue models`, but for `pull`."""

from __future__ import annotations

import json
from pathlib import Path

from hostcue.config import Settings
from hostcue.errors import ConfigError, Conflict, NotFound, SpeechMissing
from hostcue.speech.catalogue import VAD_ID, Licence
from hostcue.speech.intake import take_in
from hostcue.speech.shelf import Held, Shelf, in_mb
from hostcue.speech.shelving import remove
from hostcue.storage.lock import sole_owner

_STATES = {
    "ready": "ready",
    "damaged": "damaged: pull or import it again",
    "partial": "pulled in part: pull again to go on",
    "absent": "not here",
}


def list_models(settings: Settings, *, as_json: bool, shelf: Shelf | None = None) -> None:
    """Print what the catalogue and the shelf hold."""
    shelf = shelf or Shelf(settings.models_dir)
    held = shelf.every()
    if as_json:
        print_json(
            {
                "folder": str(shelf.folder.absolute()),
                "speech_model": settings.speech_model,
                "models": [_as_object(shelf, one) for one in held],
            }
        )
        return
    width = max(len(one.id) for one in held)
    for one in held:
        mark = "*" if one.id == settings.speech_model else " "
        size = in_mb(one.size_bytes)
        print(f"{mark} {one.id:<{width}}  {size:>7}  {_state(shelf, one)}")
        if one.entry is not None:
            print(f"    {one.entry.about}", *licence_lines(one.entry.licence), sep="\n    ")
    print(f"\n* is what HOSTCUE_SPEECH_MODEL names; models lie in {shelf.folder.absolute()}")


def verify(
    settings: Settings, names: list[str], *, as_json: bool, shelf: Shelf | None = None
) -> int:
    """Read models whole; the exit code is 1 if one is not as it should be.

    Raises:
        NotFound: there is none of that name, or none at all.
    """
    shelf = shelf or Shelf(settings.models_dir)
    chosen = [_held(shelf, name) for name in names] or [
        one for one in shelf.every() if one.state != "absent"
    ]
    if not chosen:
        raise NotFound("no model is here", remedy="hostcue models pull")
    wrong = {one.id: shelf.verify(one) for one in chosen}
    if as_json:
        print_json({"ok": not any(wrong.values()), "wrong": wrong})
    else:
        for name, faults in wrong.items():
            told = ", ".join(f"{file} {fault}".strip() for file, fault in faults.items())
            print(f"{name}: {told or 'every byte is right'}")
            if faults:
                print(f"  → hostcue models pull {name}, or import it again")
    return 1 if any(wrong.values()) else 0


def import_models(
    settings: Settings,
    source: Path,
    *,
    name: str,
    allow_unknown: bool,
    as_json: bool,
    shelf: Shelf | None = None,
) -> None:
    """Copy models from a folder or a tar.

    Raises:
        HostcueError: there is none in it that is known, or allowed.
    """
    shelf = shelf or Shelf(settings.models_dir)
    taken = take_in(shelf, source, name=name, allow_unknown=allow_unknown)
    if as_json:
        print_json({"imported": [_as_object(shelf, one) for one in taken]})
        return
    for one in taken:
        checked = "as its makers published it" if one.entry else "its hashes are noted, not known"
        print(f"{one.id}: {in_mb(one.size_bytes)}, {checked}")
        if one.entry is not None:
            print(*licence_lines(one.entry.licence), sep="\n")
    print_next(settings, shelf, [one.id for one in taken])


def delete(
    settings: Settings, name: str, *, force: bool, as_json: bool, shelf: Shelf | None = None
) -> None:
    """Delete a model.

    Raises:
        Conflict: a server runs that may be using it.
        NotFound: it is not there.
    """
    shelf = shelf or Shelf(settings.models_dir)
    if not force and _server_runs(settings.data_dir):
        raise Conflict(
            f"a hostcue runs on {settings.data_dir} and may be listening with {name}",
            remedy="stop it first; --force deletes it all the same",
        )
    freed = remove(shelf, name)
    if as_json:
        print_json({"removed": name, "freed_bytes": freed})
    else:
        print(f"{name} deleted, {in_mb(freed)} are free again")


def print_path(settings: Settings, name: str, *, shelf: Shelf | None = None) -> None:
    """Print where a model's files are.

    Raises:
        HostcueError: it is not there, or not sound.
    """
    shelf = shelf or Shelf(settings.models_dir)
    print(shelf.require(_held(shelf, name or settings.speech_model)).absolute())


def print_next(settings: Settings, shelf: Shelf, brought: list[str]) -> None:
    """Say whether hostcue can listen now, and what it takes if not."""
    speakers = [name for name in brought if name != VAD_ID]
    name = settings.speech_model if settings.speech_model in brought else next(iter(speakers), "")
    if not name:
        return
    try:
        shelf.find(name)
    except SpeechMissing as exc:
        print(f"still, {exc.message}\n  → {exc.remedy}")
        return
    if name == settings.speech_model:
        print("hostcue can listen with it; a server that runs looks again by itself")
    else:
        print(f"to listen with it, set HOSTCUE_SPEECH_MODEL={name} and start the server anew")


def licence_lines(licence: Licence) -> list[str]:
    """The terms, in two lines."""
    return [f"licence: {licence.name}, {licence.link}", f"  {licence.asks}"]


def print_json(value: object) -> None:
    """One object on standard output."""
    print(json.dumps(value, ensure_ascii=False, indent=2))


def _held(shelf: Shelf, name: str) -> Held:
    held = shelf.held(name)
    if held is None:
        raise NotFound(f"there is no model {name}", remedy="`hostcue models list` names them")
    return held


def _state(shelf: Shelf, held: Held) -> str:
    if held.state == "absent" and held.id == VAD_ID and shelf.installed_vad() is not None:
        return "not here, but in the installed package silero-vad"
    brought = ", of your own" if held.entry is None else ""
    return _STATES[held.state] + brought


def _as_object(shelf: Shelf, held: Held) -> dict[str, object]:
    entry, manifest = held.entry, held.manifest
    files = entry.files if entry is not None else manifest.files if manifest is not None else ()
    return {
        "id": held.id,
        "revision": held.revision,
        "family": held.family,
        "state": held.state,
        "in_package": held.id == VAD_ID and shelf.installed_vad() is not None,
        "size_bytes": held.size_bytes,
        "folder": str(held.folder.absolute()) if held.state != "absent" else None,
        "about": entry.about if entry is not None else "",
        "licence": None
        if entry is None
        else {
            "name": entry.licence.name,
            "link": entry.licence.link,
            "asks": entry.licence.asks,
        },
        "files": [
            {"name": file.name, "size_bytes": file.size_bytes, "sha256": file.sha256}
            for file in files
        ],
    }


def _server_runs(folder: Path) -> bool:
    """Whether a server holds the data folder; no lock is made where there is none."""
    if not (folder / "hostcue.lock").is_file():
        return False
    try:
        with sole_owner(folder):
            return False
    except ConfigError:
        return True
