"""Other programs that do the same as hostcue, to compare with; absent ones are skipped.

They are installed here if need be, into `build/peers`, and never by the product.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from benchmarks.benchmark import progress
from benchmarks.scene import started

_ROOT = Path(__file__).parents[1]
_PLACE = _ROOT / "build" / "peers"
_INSTALL_WITHIN_S = 180
_MUXERS = {"mp4": "mp4", "ts": "mpegts", "flv": "flv", "mkv": "matroska"}


@dataclass(frozen=True, slots=True)
class Ffmpeg:
    """An ffmpeg as a recorder: the system's, or the one of the `imageio-ffmpeg` wheel."""

    program: str
    version: str

    @classmethod
    def find(cls) -> Self | None:
        """None when there is none, and none to be had."""
        program = shutil.which("ffmpeg") or _wheel()
        if program is None:
            return None
        told = subprocess.run([program, "-version"], capture_output=True, text=True, check=True)  # noqa: S603 - the system's own
        version = re.match(r"ffmpeg version ([\d.]+)", told.stdout)
        return cls(program, version[1] if version else "?")

    @property
    def name(self) -> str:
        """As a peer in a report."""
        return f"ffmpeg {self.version} -c copy -f segment"

    @asynccontextmanager
    async def recording(self, url: str, into: Path, segment_s: int) -> AsyncIterator[int]:
        """The popular recipe, into a pattern of names like `%03d.mp4`; gives the process id."""
        quiet = ["-nostdin", "-hide_banner", "-loglevel", "error"]
        muxer = ["-segment_format", _MUXERS[into.suffix[1:]], "-reset_timestamps", "1"]
        cut = ["-f", "segment", "-segment_time", str(segment_s), *muxer]
        command = [self.program, *quiet, "-i", url, "-c", "copy", *cut, str(into)]
        async with started(command, environment={}) as process:
            yield process.pid


@dataclass(frozen=True, slots=True)
class Recorder:
    """A program that records a URL into a folder until the stream ends, as one file or several."""

    name: str
    command: Sequence[str]
    """With `{url}` and `{folder}` where they go."""
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self, url: str, folder: Path) -> list[str]:
        """The command for a stream and a folder."""
        return [part.format(url=url, folder=folder) for part in self.command]


def streamcap(ffmpeg: Ffmpeg, segment_s: int) -> Recorder:
    """An ffmpeg with the options that StreamCap gives it for segments of MPEG-TS, its default.

    As published in its `app/core/media/ffmpeg_builders`, `base.py` and `video/ts.py`, without the
    user agent. Some of the options do nothing where they stand there, or without a value.
    """
    options = (
        "-y -v verbose -rw_timeout 15000000 -loglevel error -hide_banner "
        "-protocol_whitelist rtmp,crypto,file,http,https,tcp,tls,udp,rtp,httpproxy "
        "-thread_queue_size 1024 -analyzeduration 20000000 -probesize 10000000 "
        "-fflags +discardcorrupt+igndts -re -i {url} -bufsize 8000k -sn -dn "
        "-reconnect_delay_max 60 -reconnect_streamed -reconnect_at_eof "
        "-max_muxing_queue_size 1024 -correct_ts_overflow 1 -avoid_negative_ts 1 "
        "-flush_packets 1 -c:v copy -c:a copy -map 0 -f segment -segment_time {segment_s} "
        "-segment_format mpegts -reset_timestamps 1 -mpegts_flags +resend_headers "
        "-muxdelay 0 -muxpreload 0 {folder}/%03d.ts"
    )
    told = options.replace("{segment_s}", str(segment_s)).split()
    return Recorder(f"ffmpeg {ffmpeg.version} as StreamCap", [ffmpeg.program, *told])


def streamlink() -> Recorder | None:
    """Streamlink with its defaults; None when it can't be had."""
    place = installed("streamlink")
    if place is None:
        return None
    version = next(place.glob("streamlink-*.dist-info")).name.split("-")[1].removesuffix(".dist")
    quiet = ["--no-config", "--loglevel", "error"]
    told = [*quiet, "--output", "{folder}/0.flv", "httpstream://{url}", "best"]
    command = [sys.executable, "-m", "streamlink", *told]
    return Recorder(f"streamlink {version}", command, {"PYTHONPATH": str(place)})


def _wheel() -> str | None:
    place = installed("imageio-ffmpeg")
    found = [] if place is None else sorted(place.glob("imageio_ffmpeg/binaries/ffmpeg-*"))
    return str(found[0]) if found else None


def installed(package: str, *how: str) -> Path | None:
    """The folder of a package from PyPI, fetched once; `how` are further words for pip."""
    place = _PLACE / package
    if place.is_dir():
        return place
    progress(f"install {package} into {place}")
    uv = shutil.which("uv", path=str(_ROOT / ".uv" / "bin")) or shutil.which("uv")
    pip = [uv, "pip", "install", "--python", sys.executable] if uv else _PIP
    command = [*pip, "--quiet", "--target", str(place), *how, package]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=_INSTALL_WITHIN_S)  # noqa: S603 - of this file
    except (OSError, subprocess.SubprocessError):
        shutil.rmtree(place, ignore_errors=True)
        progress(f"{package} can't be had here: left out")
        return None
    return place


_PIP = [sys.executable, "-m", "pip", "install"]
