"""A worker's last word, told to the person who asked for the recording."""

from __future__ import annotations

from hostcue.errors import (
    AuthRequired,
    Blocked,
    DiskFull,
    HostcueError,
    MediaUnsupported,
    NoMedia,
    PrivateAddress,
    RecordingError,
    RoomNotFound,
    TransportFailed,
    WorkerDied,
)
from hostcue.log import redact_text
from hostcue.recording.protocol import Ended

_GONE = {"http_404", "http_410"}
_REFUSED = {"http_401", "http_403"}
_OWN = {kind.code: kind for kind in (MediaUnsupported, WorkerDied, DiskFull)}


def failure_of(ended: Ended, *, users_own: bool) -> HostcueError:
    """Why the first connection brought nothing.

    `users_own` says that the user named the stream's address. One that is not there is then
    no room; of a platform's stream it only says that it is not there yet.
    """
    detail = redact_text(ended.detail)
    if ended.cause in _GONE and users_own:
        return RoomNotFound(f"there is no stream at this address ({detail})")
    if ended.cause == NoMedia.code or (ended.cause == "eof" and users_own):
        return NoMedia(
            f"there is no stream at this address: {detail}",
            remedy="give the address of the room or of the stream itself",
        )
    if ended.cause in _REFUSED:
        if users_own:
            return AuthRequired(detail, remedy="get a new address: signed ones expire")
        return Blocked(detail)
    if ended.cause in _OWN:
        return _OWN[ended.cause](detail, remedy=ended.remedy or None)
    match ended.cause:
        case PrivateAddress.code:
            return PrivateAddress(detail, field="live_url")
        case "stop":
            return RecordingError("stopped before anything was recorded")
        case "write_failed":
            return RecordingError(detail)
        case _:
            return TransportFailed(
                f"the stream can't be recorded: {detail}",
                remedy="check that the room is live and that this machine can reach it",
            )
