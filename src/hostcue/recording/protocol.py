"""What the server and its recording workers say to each other: one JSON object a line.

Down go `{"start": job}`, `{"listen": order}`, `{"stop": id}` and `{"kill": id}`; the end of the
pipe means stop to all. A worker hears those that are for it alone. Up come events, each with the
worker's id; `exit` is the forker's word on a worker's end.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal

from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.recording import MediaInfo, Progress, SaveFormat, SegmentOpened
from hostcue.model.room import Container
from hostcue.model.segment import ClosedFile
from hostcue.model.sound import SoundPlace
from hostcue.model.window import Window

MAX_LINE = 4096  # what a pipe takes in one piece (PIPE_BUF), so that workers can share one


@dataclass(frozen=True, slots=True)
class CaptureJob:
    """One connection to one room: segments of it, numbered from `first_seq`.

    `not_before_ms` is where the previous connection's last segment ended, `last_key` the mark of
    its last key frame if known: what a CDN sends once more when we come back is skipped. So it is
    with `last_piece`, the mark of the last piece of HLS: what is listed up to it was recorded.
    A picture is given up when it comes `max_lag_s` later than life; HLS, which comes piece by piece
    and leaves out what it is too late for, is not. What is recorded can be listened to at `sound`.
    """

    id: str
    url: str = field(repr=False)
    container: Container
    headers: Mapping[str, str] = field(repr=False)
    proxies: Proxies = field(repr=False)
    policy: AddressPolicy
    output: str
    recording_id: str
    save_format: SaveFormat
    segment_s: int
    zone: str | None
    first_seq: int
    not_before_ms: int | None
    open_timeout_s: float
    read_timeout_s: float
    max_lag_s: float
    aligned: bool = False
    last_key: str = ""
    last_piece: str = ""
    sound: SoundPlace | None = None

    @property
    def stall_s(self) -> float:
        """How long no picture may come; HLS brings a few seconds at a time."""
        return _stall_s(self.read_timeout_s, self.container)


@dataclass(frozen=True, slots=True)
class ListenJob:
    """One connection to a room of which only the sound is wanted; nothing is written.

    Fields as in `CaptureJob`; `not_before_ms` is up to where it was listened to before. Of a file
    all is brought, or what is live in `[from_ms, to_ms)` if the file begins at `start_ms`.
    """

    id: str
    url: str = field(repr=False)
    container: Container
    headers: Mapping[str, str] = field(repr=False)
    proxies: Proxies = field(repr=False)
    policy: AddressPolicy
    sound: SoundPlace
    not_before_ms: int | None
    open_timeout_s: float
    read_timeout_s: float
    max_lag_s: float
    start_ms: int = 0
    from_ms: int | None = None
    to_ms: int | None = None
    last_key: str = ""
    last_piece: str = ""

    @property
    def stall_s(self) -> float:
        """How long no sound may come."""
        return _stall_s(self.read_timeout_s, self.container)


def _stall_s(read_timeout_s: float, container: Container) -> float:
    return read_timeout_s * (3 if container == "hls" else 1)


@dataclass(frozen=True, slots=True)
class RecoverJob:
    """Make a finished segment of a file that a worker left open."""

    id: str
    part: str
    start_ms: int | None
    zone: str | None


StreamJob = CaptureJob | ListenJob
Job = StreamJob | RecoverJob


@dataclass(frozen=True, slots=True)
class ListenOrder:
    """Bring the sound there from now on, or nowhere."""

    id: str
    sound: SoundPlace | None


@dataclass(frozen=True, slots=True)
class Started:
    """A worker runs."""

    pid: int


@dataclass(frozen=True, slots=True)
class Listened:
    """What was brought of a connection's sound so far; told when it begins, then each second."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Ended:
    """The last word of a worker, and why it stopped.

    `stop` (asked to), `orphaned` (nobody is left to ask), `recovered`; of the stream: `eof`,
    `reset`, `stalled`, `lagging`, `http_403` and its like, `unreachable`, `tls`, `no_media`,
    `no_key_frame`, `changed`, `damaged`; of us: `write_failed`, or the code of one of our errors.
    `last_key` and `last_piece` are what the next connection's job is told.
    """

    cause: str
    detail: str = ""
    last_key: str = ""
    last_piece: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Exited:
    """A worker process is gone; a negative code is the signal that ended it."""

    code: int


WorkerEvent = Started | SegmentOpened | Progress | ClosedFile | Listened | Ended | Exited
_TYPES: dict[str, type[WorkerEvent]] = {
    "started": Started,
    "opened": SegmentOpened,
    "progress": Progress,
    "closed": ClosedFile,
    "listened": Listened,
    "ended": Ended,
    "exit": Exited,
}
_NAMES = {kind: name for name, kind in _TYPES.items()}


def event_line(worker: str, event: WorkerEvent) -> bytes:
    """One line for the way up, short enough to be written in one piece."""
    body = {"worker": worker, "type": _NAMES[type(event)], **asdict(event)}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def parse_event(line: bytes) -> tuple[str, WorkerEvent]:
    """The worker's id and its event."""
    body = json.loads(line)
    worker, kind = body.pop("worker"), _TYPES[body.pop("type")]
    if kind is SegmentOpened:
        body["info"] = MediaInfo(**body["info"])
    elif kind is ClosedFile:
        body["window"] = Window(**body["window"])
    return worker, kind(**body)


Verb = Literal["start", "listen", "stop", "kill"]
Command = Job | ListenOrder | str


def command_line(verb: Verb, what: Command) -> bytes:
    """One line for the way down."""
    body = what if isinstance(what, str) else asdict(what)
    return json.dumps({verb: body}, ensure_ascii=False).encode() + b"\n"


def parse_command(line: bytes) -> tuple[str, Command]:
    """The verb, and the job to start, the order to pass on or the id of the worker it is for."""
    ((verb, body),) = json.loads(line).items()
    if not isinstance(body, dict):
        return verb, str(body)
    if "part" in body:
        return verb, RecoverJob(**body)
    place = body.pop("sound")
    sound = None if place is None else SoundPlace(**place)
    if verb == "listen":
        return verb, ListenOrder(sound=sound, **body)
    proxies = body.pop("proxies")
    proxies["bypass"] = tuple(proxies["bypass"])
    body |= {"proxies": Proxies(**proxies), "policy": AddressPolicy(**body["policy"])}
    if "output" in body:
        return verb, CaptureJob(sound=sound, **body)
    return verb, ListenJob(sound=SoundPlace(**place), **body)
