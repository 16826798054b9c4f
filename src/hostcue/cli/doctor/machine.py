"""Checks of this machine: interpreter, libraries, disk, clock."""

from __future__ import annotations

import io
import platform
import shutil
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
from hostcue.storage.lock import sole_owner

_OLDEST_PYTHON = (3, 11)
_FEWEST_HOURS, _COMFORTABLE_HOURS = 1, 10
_DATA_GB = 1.0

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
    """streamget, which signs requests to Douyin and knows the other platforms."""
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
    return Outcome(None, f"streamget {name}", facts={"streamget": name})


def records(folder: Path) -> Outcome[None]:
    """Where media goes, and for how long it will do."""
    return hours_left(folder, _free_bytes(folder, "RECORDS_ROOT"))


def hours_left(folder: Path, free_bytes: int) -> Outcome[None]:
    """How long one room can be recorded into so much space."""
    free_gb = free_bytes / 1e9
    hours = free_gb / gb_per_hour(MBIT_PER_S * 1e6)
    lasts = f"{hours:.0f} h of one room at {MBIT_PER_S} Mbit/s"
    found = f"{folder.absolute()}: {free_gb:.1f} GB free, {lasts}"
    remedy = "free some space, or point RECORDS_ROOT to a larger disk"
    if hours < _FEWEST_HOURS:
        raise DiskFull(found, remedy=remedy)
    facts = {"free_gb": round(free_gb, 1), "hours": round(hours)}
    return Outcome(None, found, remedy if hours < _COMFORTABLE_HOURS else "", facts)


def data(folder: Path) -> Outcome[None]:
    """Where database and keys are, and whether a server uses them now."""
    free_gb = _free_bytes(folder, "HOSTCUE_DATA_DIR") / 1e9
    user = _user_of(folder)
    remedy = "free some space" if free_gb < _DATA_GB else ""
    facts = {"free_gb": round(free_gb, 1), "in_use": bool(user)}
    found = f"{folder.absolute()}: {free_gb:.1f} GB free, {user or 'no server runs on it'}"
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


def _free_bytes(folder: Path, variable: str) -> int:
    """The space on its disk; the folder itself may be made later, by whoever needs it."""
    place = folder.absolute()
    try:
        while not place.exists():
            place = place.parent
        with tempfile.TemporaryFile(dir=place):
            return shutil.disk_usage(place).free
    except OSError as exc:
        raise ConfigError(
            f"cannot write into {folder}: {exc.strerror or type(exc).__name__}",
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
