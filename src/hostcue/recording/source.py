"""Opens what is to be recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias
from urllib.parse import urlsplit

import av
from av.audio.stream import AudioStream
from av.codec.context import CodecContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from hostcue.errors import BadRequest, MediaUnsupported
from hostcue.model.recording import MediaInfo
from hostcue.recording.arrival import MediaClock
from hostcue.recording.flv_stream import FlvStream
from hostcue.recording.hls import HlsStream
from hostcue.recording.http_body import HttpClient
from hostcue.recording.protocol import ListenJob, StreamJob
from hostcue.recording.relay import Relay

_VIDEO = {"h264", "hevc", "av1", "vp9", "vp8", "mpeg4", "mpeg2video"}
_AUDIO = {"aac", "mp3", "opus", "ac3", "eac3", "mp2", "flac", "vorbis"}
# libav chooses the demuxer by content: none that opens further addresses by itself
_DEMUXERS = "flv,live_flv,mpegts,mov,matroska,aac,mp3,ogg"
# no second spent on the frame rate; sound alone, announced with a picture, is known after three
_LIVE = {"fpsprobesize": "0", "analyzeduration": "3000000"}
_LOCAL = "wav,flac,asf"  # files of sound alone, which nobody sends live
_RELAYED = {"rtmp", "rtmps", "rtsp"}


MediaStream = VideoStream | AudioStream
MediaPacket: TypeAlias = "Packet[Stream]"


Feed: TypeAlias = FlvStream | HlsStream | Relay
"""What libav reads from, where that is not libav's own."""


class SourceChanged(Exception):
    """The stream goes on in another form than the one it was opened with."""


class NothingCame(Exception):
    """No picture and no sound came, or none that is whole: that says nothing about codecs."""


@dataclass(frozen=True, slots=True)
class Source:
    """An open stream, and which of it is recorded.

    `lead` sets the clock and the cuts: the picture, or else the sound.
    """

    container: InputContainer
    streams: list[MediaStream]
    info: MediaInfo
    feed: Feed | None = None
    lost: bool = False
    """Whether something is missing before it."""
    sound_alone: bool = False
    """Whether nothing else was looked for."""

    @property
    def lead(self) -> MediaStream:
        """The picture, or the sound of a stream without one."""
        return self.streams[0]

    @property
    def sound(self) -> AudioStream | None:
        """The sound, if there is any."""
        last = self.streams[-1]
        return last if isinstance(last, AudioStream) else None

    @property
    def clock(self) -> MediaClock | None:
        """The stream's own clock, where the arrival of packets tells nothing."""
        return self.feed.clock if isinstance(self.feed, HlsStream) else None

    @property
    def last_piece(self) -> str:
        """The mark of the last piece of HLS that packets came of."""
        return self.feed.last_piece if isinstance(self.feed, HlsStream) else ""

    def packets(self) -> Iterator[MediaPacket]:
        """All packets to record, each with a decode time, until the stream ends or breaks."""
        lead, feed = self.lead.index, self.feed
        try:
            for packet in self._timed():
                if isinstance(feed, HlsStream) and packet.stream_index == lead:
                    feed.reached(packet.pos)
                yield packet
        except av.FFmpegError as exc:
            if not (isinstance(feed, Relay) and feed.left):
                raise _blamed(exc, feed) from None
        except IndexError:
            pass  # the end, where PyAV stumbles over streams that libav found later
        if feed is not None and feed.broken is not None:
            raise feed.broken

    def following(self) -> Source | None:
        """What the stream goes on with after the last packet, in another form; None at its end."""
        feed = self.feed
        if isinstance(feed, FlvStream | HlsStream) and feed.next_file():
            return _open_feed(feed, feed, sound_alone=self.sound_alone)
        return None

    def close(self) -> None:
        """Give its memory back; none of its packets may be used any more."""
        self.container.close()

    def _timed(self) -> Iterator[MediaPacket]:
        """Matroska doesn't store decode times, and libav can't tell the first.

        They are counted back from the first it can. A packet torn by the end of an FLV stream
        is left out.
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


def open_source(job: StreamJob) -> Source:
    """Connect and find out what the stream holds; blocks until that is known.

    Raises:
        MediaUnsupported: it holds nothing that we can record, or no sound to listen to.
        Exception: `endings.ended_by` knows the others.
    """
    scheme = urlsplit(job.url).scheme.lower()
    sound_alone = isinstance(job, ListenJob)
    if job.container == "file":
        return choose(open_local(job.url))
    if scheme in _RELAYED:
        return _open_relayed(job, scheme)
    if scheme not in {"http", "https"}:
        raise BadRequest(f"a stream of kind {scheme!r} can't be recorded", field="live_url")
    client = HttpClient(
        job.proxies, job.policy, job.open_timeout_s, job.read_timeout_s, home=job.url
    )
    if job.container == "hls":
        hls = HlsStream(client, job.url, job.headers, patience_s=job.read_timeout_s)
        hls.open(job.not_before_ms, job.last_piece)
        return _open_feed(hls, hls, sound_alone=sound_alone)
    flv = FlvStream(client.get(job.url, job.headers))
    return _open_feed(flv, flv, sound_alone=sound_alone)


def open_local(path: str) -> InputContainer:
    """A local file; that it is one is for the caller to know."""
    options = {"protocol_whitelist": "file", "format_whitelist": f"{_DEMUXERS},{_LOCAL}"}
    return _open(path, options)


def _open(what: str | FlvStream | HlsStream, options: dict[str, str]) -> InputContainer:
    # some encoders name themselves in another code than UTF-8
    return av.open(
        what,
        "r",
        options={"format_whitelist": _DEMUXERS, **options},
        metadata_errors="replace",
    )


def _open_feed(
    feed: Feed,
    what: str | FlvStream | HlsStream,
    options: dict[str, str] = _LIVE,
    *,
    sound_alone: bool = False,
) -> Source:
    lost = isinstance(feed, HlsStream) and feed.lost
    chosen = choose_sound if sound_alone else choose
    try:
        source = replace(chosen(_open(what, options)), feed=feed, lost=lost)
    except (av.FFmpegError, MediaUnsupported, NothingCame) as exc:
        raise _blamed(exc, feed) from None
    if isinstance(feed, FlvStream):
        feed.seal()
    return source


def _blamed(exc: Exception, feed: Feed | None) -> Exception:
    """What libav ran into: it knows only that there were no more bytes."""
    return exc if feed is None or feed.broken is None else feed.broken


def _open_relayed(job: StreamJob, scheme: str) -> Source:
    relay = Relay(job)
    if scheme == "rtsp":
        options = {
            "protocol_whitelist": "rtsp,tcp",
            "format_whitelist": "rtsp",
            "rtsp_transport": "tcp",
        }
    else:
        options = {"protocol_whitelist": "rtmp,tcp", "rtmp_tcurl": _tc_url(job.url), **_LIVE}
    return _open_feed(relay, relay.url, options, sound_alone=isinstance(job, ListenJob))


def _tc_url(url: str) -> str:
    """What an RTMP player tells the server of where it thinks it is: with the application."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    names = parts.path.lstrip("/").split("/")
    return f"{parts.scheme}://{host}/{'/'.join(names[: 1 if len(names) < 3 else 2])}"


def choose(container: InputContainer) -> Source:
    """The best picture and sound in it.

    Raises:
        MediaUnsupported: they are in codecs that we can't record.
        NothingCame: there is neither, or nothing came yet of the picture that is announced.
    """
    known = [s for s in container.streams.video if codec_of(s) in _VIDEO]
    video = [s for s in known if s.width]  # told by the first picture
    audio = [s for s in container.streams.audio if codec_of(s) in _AUDIO]
    if not (video or audio) or (container.streams.video and not video):
        if known or not (container.streams.video or container.streams.audio):
            raise NothingCame
        found = ", ".join(codec_of(s) or s.type for s in container.streams)
        raise MediaUnsupported(f"the stream holds no picture or sound we can record: {found}")
    info = MediaInfo(
        video_codec=codec_of(video[0]) if video else "",
        audio_codec=codec_of(audio[0]) if audio else "",
        width=video[0].width if video else 0,
        height=video[0].height if video else 0,
        fps=round(float(video[0].average_rate or video[0].guessed_rate or 0), 3) if video else 0.0,
    )
    return Source(container, [*video[:1], *audio[:1]], info)


def choose_sound(container: InputContainer) -> Source:
    """The sound in it alone; that of a file, or in a file, may be in any codec.

    Raises:
        MediaUnsupported: there is none, or none that can be decoded.
        NothingCame: there is neither picture nor sound.
    """
    audio = [s for s in container.streams.audio if codec_of(s)]
    if not audio:
        if not container.streams:
            raise NothingCame
        found = ", ".join(codec_of(s) or s.type for s in container.streams)
        raise MediaUnsupported(f"there is no sound that we can decode: {found}")
    info = MediaInfo("", codec_of(audio[0]), 0, 0, 0.0)
    return Source(container, [audio[0]], info, sound_alone=True)


def codec_of(stream: Stream) -> str:
    """The codec's own name; empty when libav doesn't know it."""
    context: CodecContext | None = stream.codec_context
    return context.codec.canonical_name if context is not None else ""
