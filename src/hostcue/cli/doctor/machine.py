"""Checks of this machine: interpreter, libraries, disk, clock."""

from __future__ import annotations

import io
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from hostcue.cli.doctor.costs import MBIT_PER_S, gb_per_hour
from hostcue.cli.doctor.finding import Outcome
from hostcue.errors import ConfigError, DiskFull, MediaUnsupported
from hostcue.model.disk import DATA_LOW_BYTES, LineRules, Lines, Space
from hostcue.model.retention import KeepRules
from hostcue.pipeline.files import measure
from hostcue.storage.lock import sole_owner
from hostcue.storage.vault import RIGHT_KEY

_OLDEST_PYTHON = (3, 11)
_COMFORTABLE_HOURS = 10

_NEEDED: Mapping[str, Sequence[str]] = {
    "decoder": ("h264", "hevc", "aac"),
    "encoder": ("mjpeg",),
    "demuxer": ("flv", "hls"),
    "muxer": ("mp4", "mpegts", "matroska", "flv"),
}
_REINSTALL_AV = "pip install --force-reinstall --only-binary av 'av>=18,<19'"


def python(running: tuple[int, int, int] = sys.version_info[:3]) -> Outcome[None]:
    """The interpreter."""
    name = ".".join(map(str, running))
    if running < _OLDEST_PYTHON:
        raise ConfigError(
            f"Python {name} is too old",
            remedy=f"install Python {'.'.join(map(str, _OLDEST_PYTHON))} or newer",
        )
    system = f"{platform.system()} {platform.machine()}"
    return Outcome(None, f"{name} on {system}", facts={"python": name, "system": system})


def media() -> Outcome[None]:
    """PyAV, and what of libav recording and frames need."""
    try:
        import av
    except ImportError as exc:
        raise ConfigError(f"PyAV can't be loaded: {exc}", remedy=_REINSTALL_AV) from exc
    name = f"PyAV {av.__version__} with libav {av.ffmpeg_version_info}"
    if missing := lacking(_NEEDED):
        raise MediaUnsupported(f"{name} lacks {', '.join(missing)}", remedy=_REINSTALL_AV)
    if not _survives_crashes():
        raise MediaUnsupported(
            f"{name} can't write mp4 files that survive a crash (hybrid_fragmented)",
            remedy=_REINSTALL_AV,
        )
    held = ", ".join(dict.fromkeys(name for names in _NEEDED.values() for name in names))
    facts = {"pyav": av.__version__, "libav": av.ffmpeg_version_info}
    return Outcome(None, f"{name}: {held}, crash-safe mp4", facts=facts)


def lacking(needed: Mapping[str, Sequence[str]]) -> list[str]:
    """Which of these this libav has not, such as `hevc decoder`."""
    from av.codec import Codec
    from av.format import ContainerFormat

    find: Mapping[str, Callable[[str], object]] = {
        "decoder": lambda name: Codec(name, "r"),
        "encoder": lambda name: Codec(name, "w"),
        "demuxer": lambda name: ContainerFormat(name, "r"),
        "muxer": lambda name: ContainerFormat(name, "w"),
    }
    missing = []
    for kind, names in needed.items():
        for name in names:
            try:
                find[kind](name)
            except ValueError:
                missing.append(f"{name} {kind}")
    return missing


def _survives_crashes() -> bool:
    """Try the option itself: libav has no list of flags to look it up in."""
    import av

    options = {"movflags": "hybrid_fragmented", "frag_duration": "500000"}
    try:
        with av.open(io.BytesIO(), "w", format="mp4", options=options) as file:
            stream = file.add_stream("mjpeg", rate=1)
            stream.width, stream.height, stream.pix_fmt = 16, 16, "yuvj420p"
            file.mux([*stream.encode(av.VideoFrame(16, 16, "yuvj420p")), *stream.encode(None)])
    except av.error.FFmpegError:
        return False
    return True


def platforms() -> Outcome[None]:
    """streamget, which signs requests to Douyin and knows the other platforms; and streamlink."""
    from hostcue.platforms.douyin import a_bogus
    from hostcue.rooms import streamget_http

    try:
        a_bogus.sign("aid=6383", "Mozilla/5.0")
        streamget_http.load()
    except (ImportError, AttributeError) as exc:
        raise ConfigError(
            f"streamget can't be used: {exc}",
            remedy="pip install --force-reinstall 'streamget>=4.0.10,<5'",
        ) from exc
    name = version("streamget")
    other = streamlink()
    facts = {"streamget": name, "streamlink": other.value}
    return Outcome(None, f"streamget {name}; {other.found}", other.remedy, facts)


def browser(path: str, cdp_url: str) -> Outcome[None]:
    """What Douyin's comments need where only its own page is let in: the extra and a browser."""
    from hostcue.comments.douyin.browser_program import (
        EXTRA_REMEDY,
        extra_installed,
        find_browser,
    )

    if not extra_installed():
        missed = "where Douyin refuses hostcue, comments can't be read by its own page instead"
        return Outcome(None, f"no Playwright: {missed} ({EXTRA_REMEDY})", facts={"browser": None})
    name = f"Playwright {version('playwright')}"
    if cdp_url:
        return Outcome(None, f"{name}, with the browser of HOSTCUE_BROWSER_CDP_URL")
    try:
        program = find_browser(path)
    except ConfigError as exc:
        return Outcome(None, f"{name}, but {exc.message}", exc.remedy or "")
    return Outcome(None, f"{name} with {program}", facts={"browser": program})


def streamlink() -> Outcome[str | None]:
    """The extra that reads a Douyin room's page when Douyin refuses the call about it."""
    from hostcue.rooms import douyin_streamlink

    if not douyin_streamlink.is_installed():
        missed = "where Douyin refuses the call about a room, its page can't be read instead"
        return Outcome(None, f"no streamlink: {missed} (pip install 'hostcue[streamlink]')")
    name = version("streamlink")
    try:
        douyin_streamlink.load()
    except Exception as exc:  # noqa: BLE001 - whatever breaks in it, recording goes on without
        return Outcome(
            name,
            f"streamlink {name} can't be used: {type(exc).__name__}",
            "pip install --force-reinstall 'hostcue[streamlink]'",
        )
    return Outcome(name, f"streamlink {name}")


def records(folder: Path, lines: LineRules, keep: KeepRules) -> Outcome[None]:
    """Where media goes, for how long it will do, and what is deleted to make room."""
    return hours_left(folder, _space(folder, "RECORDS_ROOT"), lines, keep)


def hours_left(folder: Path, space: Space, rules: LineRules, keep: KeepRules) -> Outcome[None]:
    """How long one room can be recorded into so much space before recording pauses."""
    per_hour = gb_per_hour(MBIT_PER_S * 1e6)
    lines = Lines.of(rules, space.total_bytes, round(per_hour * 1e9))
    stop_gb, resume_gb = lines.stop.free_bytes / 1e9, lines.resume.free_bytes / 1e9
    free_gb, total_gb = space.free_bytes / 1e9, space.total_bytes / 1e9
    hours = max(0.0, free_gb - stop_gb) / per_hour
    where = f"{folder.absolute()}: {free_gb:.1f} GB free"
    if lines.stop.lack(space) is not None:
        raise DiskFull(
            f"{where}: recording pauses below {stop_gb:.1f} GB, goes on above {resume_gb:.1f} GB",
            remedy="free some space, point RECORDS_ROOT to a larger disk, or set "
            "HOSTCUE_MIN_FREE_BYTES and HOSTCUE_RESUME_FREE_BYTES lower",
        )
    remedy = ""
    if total_gb <= resume_gb:
        remedy = (
            f"set HOSTCUE_MIN_FREE_BYTES and HOSTCUE_RESUME_FREE_BYTES: on a disk of "
            f"{total_gb:.1f} GB there are never {resume_gb:.1f} GB free, so that recording would "
            "not go on by itself after a pause"
        )
    elif hours < _COMFORTABLE_HOURS:
        remedy = "free some space, or point RECORDS_ROOT to a larger disk"
        if not keep:
            remedy += ", or let old recordings be deleted (HOSTCUE_KEEP_FREE_BYTES)"
    found = (
        f"{where}, {hours:.0f} h of one room at {MBIT_PER_S} Mbit/s until recording pauses at "
        f"{stop_gb:.1f} GB; {_kept(keep)}"
    )
    facts = {
        "free_gb": round(free_gb, 1),
        "total_gb": round(total_gb, 1),
        "hours": round(hours),
        "pauses_below_gb": round(stop_gb, 1),
        "goes_on_above_gb": round(resume_gb, 1),
        "deletes": bool(keep),
    }
    return Outcome(None, found, remedy, facts)


def _kept(keep: KeepRules) -> str:
    rules = []
    if keep.days is not None:
        rules.append(f"older than {keep.days:g} days")
    if keep.size_bytes is not None:
        rules.append(f"beyond {keep.size_bytes / 1e9:.1f} GB together")
    if keep.free_bytes is not None:
        rules.append(f"in the way of {keep.free_bytes / 1e9:.1f} GB free")
    return f"deleted is what is {' or '.join(rules)}" if rules else "nothing is ever deleted"


def data(folder: Path, sealed_elsewhere: Callable[[], int]) -> Outcome[None]:
    """Where database and keys are, whether a server uses them now, and the key opens all."""
    free_gb = _space(folder, "HOSTCUE_DATA_DIR").free_bytes / 1e9
    user = _user_of(folder)
    remedy = "free some space" if free_gb < DATA_LOW_BYTES / 1e9 else ""
    lost = sealed_elsewhere()
    facts = {"free_gb": round(free_gb, 1), "in_use": bool(user), "sealed_with_another_key": lost}
    found = f"{folder.absolute()}: {free_gb:.1f} GB free, {user or 'no server runs on it'}"
    if lost:
        found += f"; {lost} recordings cannot go on: their links were sealed with another key"
        remedy = RIGHT_KEY
    return Outcome(None, found, remedy, facts)


def _user_of(folder: Path) -> str:
    """Who holds the folder; seen by taking its lock for a moment, if it has one.

    A lock made here could belong to another user than the server's.
    """
    if not (folder / "hostcue.lock").is_file():
        return ""
    try:
        with sole_owner(folder):
            return ""
    except ConfigError as exc:
        return exc.message


def _space(folder: Path, variable: str) -> Space:
    """The space on its disk; the folder itself may be made later, by whoever needs it."""
    place = folder.absolute()
    try:
        while not place.exists():
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            return measure(place)
    except OSError as exc:
        raise ConfigError(
            f"cannot write into {folder}: {exc.strerror or exc}",
            field=variable,
            remedy=f"point {variable} to a folder this user may write",
        ) from exc


def zone(name: str | None) -> Outcome[None]:
    """The zone of folder and file names."""
    now = datetime.now(ZoneInfo(name)) if name else datetime.now().astimezone()
    offset = f"{now:%z}"
    shown = f"{name or now.tzname()} (UTC{offset[:3]}:{offset[3:5]})"
    source = "HOSTCUE_TZ" if name else "the system's"
    return Outcome(
        None,
        f"{shown}, {source}; it is {now:%Y-%m-%d %H:%M}",
        facts={"zone": name or now.tzname(), "offset": offset},
    )
