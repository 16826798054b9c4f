"""Getting a model from whichever mirror has it; its hash is the judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import anyio.to_thread
import httpx2

from hostcue.errors import ConfigError, TransportFailed
from hostcue.speech.catalogue import Entry, KnownFile
from hostcue.speech.download import Patience, Useless, WentWrong, download
from hostcue.speech.manifest import PARTIAL, Manifest, sha256_of
from hostcue.speech.shelf import Shelf, in_mb
from hostcue.speech.shelving import alone, check_space, note, writing


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a pull is, over all files of the model."""

    file: str
    done_bytes: int
    total_bytes: int
    host: str


Tell = Callable[[Progress], None]


def _nobody(_: Progress) -> None:
    return


class Puller:
    """Puts models of the catalogue on the shelf; `source` is asked in place of their mirrors.

    Below `source` a file is looked for as `<id>/<file>`, then as `<file>`.
    """

    def __init__(
        self,
        shelf: Shelf,
        http: httpx2.AsyncClient,
        *,
        source: str = "",
        tell: Tell = _nobody,
        patience: Patience | None = None,
    ) -> None:
        self._shelf = shelf
        self._http = http
        self._source = _checked(source)
        self._tell = tell
        self._patience = patience or Patience()

    async def pull(self, entry: Entry) -> bool:
        """Have a model on the shelf, every byte of it checked; False when it was there already.

        What came of a pull that ends early, however it ends, is kept for the next one.

        Raises:
            TransportFailed: no mirror had it; the message has what each of them said.
            DiskFull: there is not enough space.
            Conflict: it is being pulled by another process.
            ConfigError: the folder cannot be written.
        """
        folder = self._shelf.place(entry.id, entry.revision)
        with writing(folder), alone(self._shelf.folder, entry.id):
            folder.mkdir(parents=True, exist_ok=True)
            noted = Manifest.read(folder)
            urls = {file.name: file.url for file in noted.files} if noted else {}
            missing = [file for file in entry.files if not await _is_there(folder, file)]
            partials = (_size(folder / f"{file.name}{PARTIAL}") for file in missing)
            needed = sum(
                max(0, file.size_bytes - came) for file, came in zip(missing, partials, strict=True)
            )
            check_space(folder, needed)
            done = entry.size_bytes - sum(file.size_bytes for file in missing)
            for file in missing:
                urls[file.name] = await self._fetch(entry, file, folder, done)
                done += file.size_bytes
            if missing or noted is None:
                note(entry, folder, urls)
            return bool(missing)

    async def _fetch(self, entry: Entry, file: KnownFile, folder: Path, done: int) -> str:
        """One file; the address that had the end of it, without what could be a secret."""
        mirrors = self._mirrors(entry, file)
        partial = folder / f"{file.name}{PARTIAL}"
        said: dict[str, str] = {}
        while mirrors:
            before = _size(partial)
            for url in tuple(mirrors):
                host = urlsplit(url).hostname or ""

                def tell(size: int, host: str = host) -> None:
                    self._tell(Progress(file.name, done + size, entry.size_bytes, host))

                try:
                    await download(self._http, url, partial, file, self._patience, tell)
                except Useless as exc:
                    mirrors.remove(url)
                    said[_shown(url)] = str(exc)
                except WentWrong as exc:
                    said[_shown(url)] = str(exc)
                else:
                    partial.replace(folder / file.name)
                    return _shown(url)
            if _size(partial) <= before:  # a whole round brought nothing
                break
        raise _no_mirror(entry, file, said, _size(partial))

    def _mirrors(self, entry: Entry, file: KnownFile) -> list[str]:
        if self._source:
            return [f"{self._source}/{entry.id}/{file.name}", f"{self._source}/{file.name}"]
        return [f"{mirror}{file.name}" for mirror in entry.mirrors]


def _checked(source: str) -> str:
    try:
        parts = urlsplit(source)
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
        good = good and not (parts.query or parts.fragment)
    except ValueError:
        good = False
    if source and not good:
        raise ConfigError(
            "the source of models is no address that files can be looked for under",
            field="HOSTCUE_MODEL_MIRROR",
            remedy="write it like https://mirror.example.com/models",
        )
    return source.rstrip("/")


def _shown(url: str) -> str:
    """The address without a password and a query."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


async def _is_there(folder: Path, file: KnownFile) -> bool:
    """Whether the whole file lies there already; a wrong one is deleted."""
    path = folder / file.name
    if not path.is_file():
        return False
    right_size = path.stat().st_size == file.size_bytes
    if right_size and await anyio.to_thread.run_sync(sha256_of, path) == file.sha256:
        return True
    path.unlink()
    return False


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _no_mirror(entry: Entry, file: KnownFile, said: dict[str, str], kept: int) -> TransportFailed:
    told = "".join(f"\n    {url}: {answer}" for url, answer in said.items())
    again = f"run it again (the {in_mb(kept)} that came are kept), " if kept else "run it again, "
    return TransportFailed(
        f"nobody had {entry.id}'s {file.name}:{told}",
        remedy=f"{again}look at HTTP_PROXY and HTTPS_PROXY, name another source with --source, "
        "or bring the files another way: hostcue models import FOLDER",
    )
