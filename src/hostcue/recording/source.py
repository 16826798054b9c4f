"""Opens what is to be recorded, and tells why that failed, or ended."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlsplit

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from hostcue.errors import BadRequest, HostcueError, MediaUnsupported, RecordingError
from hostcue.model.recording import MediaInfo
from hostcue.recording.http_body import HttpBody, HttpClient, HttpRefused
from hostcue.recording.protocol import CaptureJob, Ended

_VIDEO = {"h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video"}
_AUDIO = {"aac", "mp3", "opus", "ac3", "eac3", "mp2", "flac", "vorbis"}
# libav chooses the demuxer by content: none that opens further addresses by itself
_DEMUXERS = "flv,live_flv,hls,mpegts,mov,matroska,aac,mp3,ogg,rtsp"
# no second spent on the frame rate; sound alone, announced with a picture, is known after three
_LIVE = {"fpsprobesize": "0", "analyzeduration": "3000000"}
_HLS = {"http_persistent": "0", "extension_picky": "0"}
_PROTOCOLS = {"rtmp": "rtmp,tcp", "rtmps": "rtmps,tls,tcp", "rtsp": "rtsp,rtp,udp,tcp"}


MediaStream = VideoStream | AudioStream
MediaPacket: TypeAlias = "Packet[Stream]"


class SourceChanged(Exception):
    """The stream goes on in another form than the one it was opened with."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open stream, and which of it is recorded.

    `lead` sets the clock and the cuts: the picture, or else the sound.
    """

    container: InputContainer
    streams: list[MediaStream]
    info: MediaInfo

    @property
    def lead(self) -> MediaStream:
        """The picture, or the sound of a stream without one."""
        return self.streams[0]

    def packets(self) -> Iterator[MediaPacket]:
        """All packets to record, each with a decode time, until the stream ends or breaks.

        Matroska doesn't store decode times, and libav can't tell the first: they are counted
        back from the first it can. A packet torn by the end of an FLV stream is left out.
        """
        flv = self.container.format.name == "flv"
        untimed: dict[int, list[MediaPacket]] = {}
        for packet in self.container.demux(self.streams):
            if not packet.size or (flv and packet.is_corrupt):
                continue
            early = untimed.setdefault(packet.stream_index, [])
            if packet.dts is None:
                early.append(packet)
                continue
            for back, before in enumerate(reversed(early), 1):
                before.dts = packet.dts - back * (packet.duration or 1)
            yield from early
            early.clear()
            yield packet
        for early in untimed.values():
            for packet in early:
                packet.dts = packet.pts
                yield packet


def open_source(job: CaptureJob, broken: Callable[[Exception], None]) -> Source:
    """Connect and find out what the stream holds; blocks until that is known.

    `broken` hears at once when something that a playlist names can't be had; libav would go on
    asking for the rest of it for a long time.

    Raises:
        MediaUnsupported: it holds nothing that we can record.
        Exception: `ended_by` knows the others.
    """
    scheme = urlsplit(job.url).scheme.lower()
    if job.container == "file":
        return choose(_open(job.url, {"protocol_whitelist": "file"}))
    if scheme in {"http", "https"}:
        return choose(_open_http(job, broken))
    if scheme not in _PROTOCOLS:
        raise BadRequest(f"a stream of kind {scheme!r} can't be recorded", field="live_url")
    job.policy.check(job.url)
    options = {"protocol_whitelist": _PROTOCOLS[scheme]}
    if scheme == "rtsp":
        options["rtsp_transport"] = "tcp"
    return choose(_open(job.url, options))


def _open(url: str, options: dict[str, str]) -> InputContainer:
    return av.open(url, "r", options={**options, "format_whitelist": _DEMUXERS})


def _open_http(job: CaptureJob, broken: Callable[[Exception], None]) -> InputContainer:
    client = HttpClient(job.proxies, job.policy, job.open_timeout_s, job.read_timeout_s)

    def io_open(url: str, _flags: int, options: dict[str, str]) -> HttpBody:
        start, end = options.get("offset"), options.get("end_offset")
        part = {"Range": f"bytes={start}-{int(end) - 1}"} if start and end else {}
        try:
            return client.get(url, {**job.headers, **part})
        except Exception as exc:
            broken(exc)
            raise

    hls = job.container == "hls"
    body = client.get(job.url, job.headers)
    return av.open(
        body,
        "r",
        format="hls" if hls else None,
        options={"format_whitelist": _DEMUXERS, **(_HLS if hls else _LIVE)},
        io_open=io_open,
    )


def choose(container: InputContainer) -> Source:
    """The best picture and sound in it.

    Raises:
        MediaUnsupported: there is neither, or a picture that libav can't make sense of.
    """
    video = [s for s in container.streams.video if codec_of(s) in _VIDEO and s.width]
    audio = [s for s in container.streams.audio if codec_of(s) in _AUDIO]
    if not (video or audio) or (container.streams.video and not video):
        found = ", ".join(codec_of(s) or s.type for s in container.streams) or "nothing"
        raise MediaUnsupported(f"the stream holds no picture or sound we can record: {found}")
    info = MediaInfo(
        video_codec=codec_of(video[0]) if video else "",
        audio_codec=codec_of(audio[0]) if audio else "",
        width=video[0].width if video else 0,
        height=video[0].height if video else 0,
        fps=round(float(video[0].average_rate or video[0].guessed_rate or 0), 3) if video else 0.0,
    )
    return Source(container, [*video[:1], *audio[:1]], info)


def codec_of(stream: Stream) -> str:
    """The codec's own name; empty when libav doesn't know it."""
    context: CodecContext | None = stream.codec_context
    return context.codec.canonical_name if context is not None else ""


def ended_by(exc: BaseException) -> Ended:
    """Why a stream could not be opened or broke off, without its address."""
    match exc:
        case HttpRefused():
            return Ended(f"http_{exc.status}", str(exc))
        case SourceChanged():
            return Ended("changed", "the stream changed its form")
        case HostcueError():
            write = exc.code == RecordingError.code
            return Ended("write_failed" if write else exc.code, exc.message)
        case http.client.IncompleteRead() | ConnectionError():
            return Ended(*_broken(exc))
        case TimeoutError():
            return Ended("stalled", "the stream's server stopped sending")
        case ssl.SSLError():
            return Ended("tls", "the server can't prove who it is, or speaks no TLS")
        case socket.gaierror() | OSError() if not isinstance(exc, av.FFmpegError):
            return Ended("unreachable", exc.strerror or type(exc).__name__)
        case av.InvalidDataError() | http.client.HTTPException():
            return Ended("no_media", "what the server sends is no media stream")
        case av.FFmpegError():
            return Ended(_LIBAV.get(exc.errno or 0, "damaged"), exc.strerror or "libav failed")
        case _:
            return Ended("damaged", type(exc).__name__)


_LIBAV = {
    errno.ECONNREFUSED: "unreachable",
    errno.EHOSTUNREACH: "unreachable",
    errno.ENETUNREACH: "unreachable",
    errno.EIO: "unreachable",
    errno.ECONNRESET: "reset",
    errno.EPIPE: "reset",
    errno.ETIMEDOUT: "stalled",
    errno.ENOENT: "no_media",
}


def _broken(exc: BaseException) -> tuple[str, str]:
    if isinstance(exc, ConnectionRefusedError):
        return "unreachable", "the stream's server takes no connection"
    return "reset", "the connection broke"
