"""Why a stream could not be opened, or came to its end."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl

import av

from hostcue.errors import HostcueError, RecordingError
from hostcue.recording.http_body import HttpCircles, HttpRefused
from hostcue.recording.live_window import PlaylistStopped
from hostcue.recording.playlist import NotAPlaylist
from hostcue.recording.protocol import Ended
from hostcue.recording.source import NothingCame, SourceChanged

_LIBAV = {
    errno.ECONNREFUSED: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EIO: "unreachable",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "stalled",
    errno.ENOENT: "no_media",
    errno.EPERM: "no_media",
}
_TEXTS = {errno.EPERM: "the stream's server does not play it"}  # libav's word for RTMP's errors
_ANSWERED: dict[type[BaseException], int] = {
    av.HTTPUnauthorizedError: 401,
    av.HTTPForbiddenError: 403,
    av.HTTPNotFoundError: 404,
}
_KINDS: tuple[tuple[type[BaseException], Ended], ...] = (
    (SourceChanged, Ended("changed", "the stream changed its form")),
    (PlaylistStopped, Ended("stalled", "the stream's playlist lists nothing new")),
    (NothingCame, Ended("no_key_frame", "no picture came that could be understood")),
    (av.EOFError, Ended("eof", "the stream ended before anything came")),
    (NotAPlaylist, Ended("no_media", "what the server sends is no playlist")),
    (ConnectionRefusedError, Ended("unreachable", "the stream's server takes no connection")),
    (ConnectionError, Ended("reset", "the connection broke")),
    (http.client.IncompleteRead, Ended("reset", "the connection broke")),
    (TimeoutError, Ended("stalled", "the stream's server stopped sending")),
    (ssl.SSLError, Ended("tls", "the server can't prove who it is, or speaks no TLS")),
    (av.InvalidDataError, Ended("no_media", "what the server sends is no media stream")),
    (http.client.HTTPException, Ended("no_media", "what the server sends is no media stream")),
)


def ended_by(exc: BaseException) -> Ended:
    """Why a stream could not be opened or broke off, without its address."""
    match exc:
        case HttpCircles():
            return Ended(f"http_{exc.status}", "the stream's address leads in circles")
        case HttpRefused():
            return _refused(exc.status)
        case HostcueError():
            write = exc.code == RecordingError.code
            cause = "write_failed" if write else exc.code
            return Ended(cause, exc.message, remedy=exc.remedy or "")
        case av.HTTPError() | av.HTTPClientError():  # an RTSP server's answer
            return _refused(_ANSWERED.get(type(exc), 400))
        case _:
            known = (ended for kind, ended in _KINDS if isinstance(exc, kind))
            return next(known, None) or _unknown(exc)


def _refused(status: int) -> Ended:
    return Ended(f"http_{status}", f"the stream's server answered {status}")


def _unknown(exc: BaseException) -> Ended:
    match exc:
        case av.FFmpegError():
            text = _TEXTS.get(exc.errno or 0) or exc.strerror or "libav failed"
            return Ended(_LIBAV.get(exc.errno or 0, "damaged"), text)
        case socket.gaierror() | OSError():
            return Ended("unreachable", exc.strerror or type(exc).__name__)
        case _:
            return Ended("damaged", type(exc).__name__)
