"""A short clip, encoded once with PyAV and taken apart into the tags of an FLV stream."""

from __future__ import annotations

import functools
import io
import os
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypedDict

from hostcue.sim.clip_sound import CODINGS, AudioCodec, Coding, add_audio, encoded, fitted, scale
from hostcue.sim.picture import Stage

if TYPE_CHECKING:
    from av import Packet
    from av.container import OutputContainer
    from av.video.stream import VideoStream

    from hostcue.sim.clip_sound import Samples

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_HEVC_ID = 12  # what Chinese CDNs call H.265 in FLV; the standard's list ends before


class Picture(TypedDict, total=False):
    """How long a clip is, and how large: some of what `make_clip` is told."""

    seconds: int
    width: int
    height: int
    fps: int


VideoCodec = Literal["h264", "h265", "h265-12", "av1"]


@dataclass(frozen=True, slots=True)
class Tag:
    """One FLV tag; `at_ms` is its decode time, from 0 at the start of the clip."""

    at_ms: int
    kind: int
    body: bytes
    is_key: bool

    def encode(self, at_ms: int) -> bytes:
        """The tag as it stands in a stream at `at_ms`, with the trailing previous-tag size."""
        stamp = (at_ms & 0xFFFFFFFF).to_bytes(4)
        head = bytes((self.kind, *len(self.body).to_bytes(3), *stamp[1:], stamp[0], 0, 0, 0))
        return b"".join((head, self.body, (11 + len(self.body)).to_bytes(4)))


@dataclass(frozen=True, slots=True)
class Clip:
    """What a live source repeats for ever: `tags` in order of time, a key frame first."""

    duration_ms: int
    has_video: bool
    has_audio: bool
    headers: tuple[Tag, ...]
    tags: tuple[Tag, ...]

    @property
    def flv_header(self) -> bytes:
        """How an FLV stream of it begins."""
        flags = self.has_audio << 2 | self.has_video
        return b"FLV\x01" + bytes((flags,)) + b"\x00\x00\x00\x09" + bytes(4)


class Playhead:
    """A place in the endless repetition of a clip."""

    def __init__(self, clip: Clip, at_ms: int) -> None:
        """At the last key frame at or before `at_ms`; sound alone can begin anywhere."""
        self._clip = clip
        self._times = [tag.at_ms for tag in clip.tags]
        turn, rest = divmod(at_ms, clip.duration_ms)
        index = max(0, bisect_right(self._times, rest) - 1)
        while clip.has_video and index and not clip.tags[index].is_key:
            index -= 1
        self._turn, self._index = turn, index

    @property
    def at_ms(self) -> int:
        """The time of the next tag."""
        return self._turn * self._clip.duration_ms + self._times[self._index]

    def take(self, until_ms: int) -> Iterator[tuple[int, Tag]]:
        """The tags from here to a time, each with its own time; moves on behind them."""
        while (at_ms := self.at_ms) <= until_ms:
            yield at_ms, self._clip.tags[self._index]
            self._index += 1
            if self._index == len(self._times):
                self._turn, self._index = self._turn + 1, 0


def make_clip(
    *,
    seconds: int = 20,
    width: int = 360,
    height: int = 640,
    fps: int = 15,
    gop_s: float = 1.0,
    kbps: int | None = None,
    video_codec: VideoCodec | None = "h264",
    audio: bool = True,
    sound: Samples | None = None,
    sound_hz: int = 32_000,
    audio_codec: AudioCodec = "aac",
) -> Clip:
    """Draw, sing and encode a clip, in about a second; without `sound`, made once for all.

    The sound is one tone a second, each of another pitch; or `sound`, -1..1 at `sound_hz`, whose
    first sample is live when the first picture is decoded. If it is shorter than the clip, silence
    follows; the clip's last packet of sound is silent in any case.
    H.264 has two B-frames, as real broadcasts do, so decode and presentation times differ. H.265 is
    Enhanced-RTMP `hvc1`, or the older codec id 12 as `h265-12`; AV1 is Enhanced-RTMP `av01`.
    With `kbps` an H.264 picture has that constant rate, as broadcasting programs send it: filled
    up where there is little to draw.
    """
    look = Look(seconds, width, height, fps, gop_s, kbps, video_codec)
    codec = audio_codec if audio else None
    return _make_once(look, codec) if sound is None else _make(look, codec, (sound, sound_hz))


@dataclass(frozen=True, slots=True)
class Look:
    """What a clip's pictures are like."""

    seconds: int
    width: int
    height: int
    fps: int
    gop_s: float
    kbps: int | None
    codec: VideoCodec | None


def _make(
    look: Look, audio_codec: AudioCodec | None, sound: tuple[Samples, int] | None = None
) -> Clip:
    import av

    coding = CODINGS[audio_codec or "aac"]
    buffer = io.BytesIO()
    options = {"flvflags": "no_duration_filesize"}  # as a live source: no end is known
    with av.open(buffer, "w", format="flv", options=options) as out:
        video = None if look.codec is None else _add_video(out, look.codec, look)
        track = add_audio(out, coding) if audio_codec else None
        if video is not None:
            for pictures in _film(video, look.seconds, look.fps):
                out.mux(pictures)
        if track is not None:
            tones = scale(coding, look.seconds)
            said = tones if sound is None else fitted(*sound, coding, look.seconds)
            for packets in encoded(track, coding, said):
                out.mux(packets)
    duration_ms = look.seconds * 1000
    clip = _take_apart(buffer.getvalue(), duration_ms, coding, exact=sound is not None)
    return _with_hevc_id(clip) if look.codec == "h265-12" else clip


@functools.cache
def _make_once(look: Look, audio_codec: AudioCodec | None) -> Clip:
    return _make(look, audio_codec)


def _add_video(out: OutputContainer, codec: VideoCodec, look: Look) -> VideoStream:
    """Closed groups of pictures of one fixed length, so that any of them can begin a file."""
    fps, kbps = look.fps, look.kbps
    options = {"g": str(round(look.gop_s * fps)), "bf": "2", "preset": "ultrafast"}
    match codec:
        case "h264":
            options |= {"sc_threshold": "0"} | ({"crf": "30"} if kbps is None else _constant(kbps))
            stream = out.add_stream("libx264", rate=fps, options=options)
        case "av1":
            os.environ.setdefault("SVT_LOG", "0")  # it would write to standard error
            av1 = {"preset": "10", "crf": "45", "svtav1-params": "scd=0:lp=1"}
            stream = out.add_stream("libsvtav1", rate=fps, options={"g": options["g"]} | av1)
        case _:
            x265 = {"crf": "30", "x265-params": "log-level=none:scenecut=0:open-gop=0"}
            stream = out.add_stream("libx265", rate=fps, options=options | x265)
    stream.width, stream.height, stream.pix_fmt = look.width, look.height, "yuv420p"
    return stream


def _constant(kbps: int) -> dict[str, str]:
    rates = dict.fromkeys(("b", "minrate", "maxrate", "bufsize"), f"{kbps}k")
    # Several threads would share the rate differently each time; so it is the same everywhere.
    return rates | {"x264-params": "nal-hrd=cbr", "threads": "1"}


def _film(stream: VideoStream, seconds: int, fps: int) -> Iterator[list[Packet[VideoStream]]]:
    import av

    stage = Stage(seconds=seconds, width=stream.width, height=stream.height)
    for number in range(seconds * fps):
        frame = av.VideoFrame.from_ndarray(stage.draw(number / fps), format="rgb24")
        frame.pts = number
        yield stream.encode(frame)
    yield stream.encode(None)


def _take_apart(flv: bytes, duration_ms: int, coding: Coding, *, exact: bool) -> Clip:
    """Split the file into tags; media times start at the first picture and wrap at the end.

    The sound is so much later as the pictures are shown after they are decoded, unless it is to be
    `exact`.
    """
    found = list(_split(flv))
    headers = tuple(tag for tag in found if _is_header(tag))
    media = [tag for tag in found if not _is_header(tag) and not _is_end(tag)]
    has_video = any(tag.kind == _VIDEO for tag in media)
    has_audio = any(tag.kind == _AUDIO for tag in media)
    start = next((tag.at_ms for tag in media if tag.is_key or not has_video), 0)
    # The AAC encoder primes with one frame more than fit into the clip: the last would double.
    sound = [tag for tag in media if tag.kind == _AUDIO][: coding.packets(duration_ms)]
    pictures = [tag for tag in media if tag.kind == _VIDEO]
    if exact and sound:
        early_ms = sound[0].at_ms - start + round(1000 * coding.primed / coding.hz)
        sound = [replace(tag, at_ms=tag.at_ms - early_ms) for tag in sound]
    tags = [
        Tag((tag.at_ms - start) % duration_ms, tag.kind, tag.body, tag.is_key)
        for tag in (*pictures, *sound)
    ]
    tags.sort(key=lambda tag: tag.at_ms)  # stable: of one moment, the picture comes first
    return Clip(duration_ms, has_video, has_audio, headers, tuple(tags))


def _split(flv: bytes) -> Iterator[Tag]:
    at = 13  # the file header and the first previous-tag size
    while at < len(flv):
        kind, size = flv[at], int.from_bytes(flv[at + 1 : at + 4])
        at_ms = int.from_bytes(flv[at + 4 : at + 7]) | flv[at + 7] << 24
        body = flv[at + 11 : at + 11 + size]
        # The frame type is in bits 4-6 in the old and in the Enhanced-RTMP form alike.
        yield Tag(at_ms, kind, body, kind == _VIDEO and body[0] >> 4 & 7 == 1)
        at += 11 + size + 4


def _packet_type(tag: Tag) -> int:
    """0 sequence header, 2 end of sequence (video), 4 colours (Enhanced), others media."""
    enhanced = tag.kind == _VIDEO and tag.body[0] & 0x80
    return tag.body[0] & 0x0F if enhanced else tag.body[1]


def _is_header(tag: Tag) -> bool:
    return tag.kind == _SCRIPT or _packet_type(tag) in {0, 4}


def _is_end(tag: Tag) -> bool:
    return tag.kind == _VIDEO and _packet_type(tag) == 2


def _with_hevc_id(clip: Clip) -> Clip:
    """Enhanced-RTMP `hvc1` in the older form, which has no place for colours."""
    headers = (_older(tag) for tag in clip.headers if tag.kind != _VIDEO or _packet_type(tag) == 0)
    return replace(clip, headers=tuple(headers), tags=tuple(_older(tag) for tag in clip.tags))


def _older(tag: Tag) -> Tag:
    if tag.kind == _AUDIO:
        return tag
    if tag.kind == _SCRIPT:
        before, name, value = tag.body.partition(b"videocodecid\0")
        return replace(tag, body=before + name + struct.pack(">d", _HEVC_ID) + value[8:])
    packet_type = _packet_type(tag)
    start = bytes((tag.body[0] & 0x70 | _HEVC_ID, min(packet_type, 1)))
    # Of the types of packets, only 1 says how much later than decoded it is shown.
    return replace(tag, body=start + bytes(0 if packet_type == 1 else 3) + tag.body[5:])
