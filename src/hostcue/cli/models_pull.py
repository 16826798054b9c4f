"""`hostcue models pull`."""

from __future__ import annotations

import sys
from typing import TextIO

import anyio
from anyio import current_time

from hostcue.cli.models import licence_lines, print_json, print_next
from hostcue.config import Settings
from hostcue.errors import NotFound, SpeechMissing
from hostcue.platforms.http import open_http
from hostcue.speech.catalogue import DEFAULT_MODEL, VAD_ID, Entry
from hostcue.speech.download import Patience
from hostcue.speech.pull import Progress, Puller
from hostcue.speech.shelf import Shelf, in_mb

_REDRAW_S = 0.2
_BAR = 24


def pull(
    settings: Settings,
    names: list[str],
    *,
    source: str = "",
    as_json: bool = False,
    shelf: Shelf | None = None,
    patience: Patience | None = None,
) -> None:
    """Download models, each with its licence told before; the voice detector comes with them.

    Raises:
        NotFound: the catalogue has no model of that name.
        HostcueError: a file could not be had, or written.
    """
    shelf = shelf or Shelf(settings.models_dir)
    entries = _chosen(shelf, names or [_default(settings, shelf)])
    mirror = settings.model_mirror.get_secret_value() if settings.model_mirror else ""
    out = sys.stderr if as_json else sys.stdout
    bar = _Bar(out)
    fetched: dict[str, bool] = {}

    async def work() -> None:
        async with open_http(settings.proxies) as http:
            puller = Puller(shelf, http, source=source or mirror, tell=bar.tell, patience=patience)
            for entry in entries:
                _introduce(shelf, entry, out)
                fetched[entry.id] = await puller.pull(entry)
                bar.end()
                came = "here, every byte checked" if fetched[entry.id] else "was here already"
                print(f"{entry.id}: {came}", file=out)

    try:
        try:
            anyio.run(work)
        finally:
            bar.end()  # what is said next, also by others, begins on a line of its own
    except KeyboardInterrupt:
        print("stopped; what came is kept, the same command goes on from there", file=sys.stderr)
        raise
    if as_json:
        print_json({"pulled": fetched})
    else:
        print_next(settings, shelf, list(fetched))


def _default(settings: Settings, shelf: Shelf) -> str:
    """What listening needs; a model of somebody's own is pulled by nobody."""
    name = settings.speech_model
    return name if name in shelf.catalogue else DEFAULT_MODEL


def _chosen(shelf: Shelf, names: list[str]) -> list[Entry]:
    """What was named, and the voice detector where none is to be found."""
    for name in names:
        if name not in shelf.catalogue:
            raise NotFound(
                f"hostcue knows of no model {name}", remedy="`hostcue models list` names them"
            )
    chosen = dict.fromkeys(names)
    if VAD_ID not in chosen and VAD_ID in shelf.catalogue:
        try:
            shelf.vad()
        except SpeechMissing:
            chosen[VAD_ID] = None
    return [shelf.catalogue[name] for name in chosen]


def _introduce(shelf: Shelf, entry: Entry, out: TextIO) -> None:
    held = shelf.held(entry.id)
    print(f"{entry.id} {entry.revision}, {in_mb(entry.size_bytes)}: {entry.about}", file=out)
    if held is None or held.manifest is None:
        print(*(f"  {line}" for line in licence_lines(entry.licence)), sep="\n", file=out)


class _Bar:
    """A line that is written anew on a terminal; elsewhere a line for each tenth."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._live = out.isatty()
        self._drawn_s = self._began_s = self._began_bytes = 0.0
        self._width = 0
        self._told = ""

    def tell(self, progress: Progress) -> None:
        """Show how far it is."""
        if self._live:
            self._draw(progress)
        else:
            self._line(progress)

    def end(self) -> None:
        """Leave the line as it stands."""
        if self._width:
            print(file=self._out, flush=True)
        self._width, self._began_s, self._told = 0, 0.0, ""

    def _draw(self, progress: Progress) -> None:
        now_s, done, total = current_time(), progress.done_bytes, progress.total_bytes
        if not self._began_s:
            self._began_s, self._began_bytes = now_s, done
        if now_s - self._drawn_s < _REDRAW_S and done < total:
            return
        self._drawn_s = now_s
        full = _BAR * done // total
        took_s = now_s - self._began_s
        rate = f"{(done - self._began_bytes) / took_s / 1e6:.1f} MB/s" if took_s > 1 else ""
        text = (
            f"  [{'#' * full}{'.' * (_BAR - full)}] {100 * done // total:3d} %  "
            f"{in_mb(done)} of {in_mb(total)}  {rate}  {progress.host}"
        )
        print(f"\r{text:<{self._width}}", end="", file=self._out, flush=True)
        self._width = len(text)

    def _line(self, progress: Progress) -> None:
        tenths = 10 * progress.done_bytes // progress.total_bytes
        told = f"  {10 * tenths} % of {in_mb(progress.total_bytes)}, from {progress.host}"
        if told != self._told:
            self._told = told
            print(told, file=self._out, flush=True)
