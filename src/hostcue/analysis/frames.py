"""Still images of a closed segment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from hostcue.errors import MediaUnsupported, NotFound
from hostcue.model.tip import Frame
from hostcue.model.window import Window

if TYPE_CHECKING:
    from av import Packet, VideoFrame
    from av.container import InputContainer
    from av.video.stream import VideoStream

_LOOKS_PER_BUCKET = 2  # decoding a 720p key frame takes 5 to 12 ms: not all 150 of a segment
_NEARLY_BLACK = 24.0  # mean luma, 0..255; video black is 16
_SHARPNESS_WIDTH = 320
_JPEG_QUALITY = 4  # libav's scale, 2 is best; 35 to 50 kB for 854x480
_WORTH_DECODING_ALL_S = 20.0


@dataclass(frozen=True, slots=True)
class _Look:
    """A decoded picture; `at` is its place in the media, 0..1, `quality` only ranks."""

    at: float
    quality: float
    picture: VideoFrame


def extract_frames(
    path: Path,
    window: Window,
    *,
    prefix: str,
    every_s: float = 10.0,
    at_least: int = 4,
    at_most: int = 24,
    short_side: int = 480,
) -> list[Frame]:
    """One picture per stretch of about `every_s`, oldest first; blocks while it decodes.

    The segment is cut into equal stretches, `at_least`..`at_most` of them; of each, the sharper
    of two key frames is taken, and none that is nearly black if there is a better one. A stretch
    without a key frame gives no picture, unless the segment is so short that all of it can be
    decoded. Frames are named `{prefix}-{n}`, their short side is at most `short_side`, their
    times are those of the media stretched over `window`. A damaged file gives what can still be
    decoded, one without pictures gives none.

    Raises:
        NotFound: the file is gone.
        MediaUnsupported: this is no media file at all.
    """
    span_s = (window.end_ms - window.start_ms) / 1000
    wanted = min(max(math.ceil(span_s / every_s), at_least), at_most)
    best = _best_of_each(path, wanted, span_s, keys_only=True)
    if len(best) < at_least and span_s <= _WORTH_DECODING_ALL_S:
        best = _best_of_each(path, wanted, span_s, keys_only=False)
    frames = []
    for number, look in enumerate(best):
        width, height = _fit(look.picture.width, look.picture.height, short_side)
        jpeg = _encode(look.picture, width, height)
        at_ms = window.start_ms + round(look.at * (window.end_ms - window.start_ms))
        at_ms = max(window.start_ms, min(at_ms, window.end_ms - 1))
        frames.append(Frame(f"{prefix}-{number}", at_ms, jpeg, width, height))
    return frames


def _best_of_each(path: Path, buckets: int, span_s: float, *, keys_only: bool) -> list[_Look]:
    best: dict[int, _Look] = {}
    for at, picture in _pictures(path, buckets * _LOOKS_PER_BUCKET, span_s, keys_only=keys_only):
        look = _Look(at, _quality(picture), picture)
        bucket = min(int(at * buckets), buckets - 1)
        if bucket not in best or look.quality > best[bucket].quality:
            best[bucket] = look
    return [best[bucket] for bucket in sorted(best)]


def _pictures(
    path: Path, parts: int, span_s: float, *, keys_only: bool
) -> Iterator[tuple[float, VideoFrame]]:
    """The first picture of each of `parts` equal parts of the file, with its place, 0..1.

    With `keys_only` the demuxer passes over all but key frames: 20 ms for 300 s of mp4, and
    unlike seeking it works in files without an index (fragments after a crash, ts, flv).
    """
    import av

    with _open(path) as container:
        stream = next(filter(_has_decoder, container.streams.video), None)
        if stream is None:
            return
        media_s = container.duration / av.time_base if container.duration else span_s
        origin_s, seen = None, -1
        for item in _key_packets(container, stream) if keys_only else _all(container, stream):
            at_s = _seconds(item)
            origin_s = at_s if origin_s is None else origin_s
            at = min(max((at_s - origin_s) / media_s, 0.0), 1.0) if media_s > 0 else 0.0
            if int(at * parts) <= seen:
                continue
            picture = item if isinstance(item, av.VideoFrame) else _decode_alone(stream, item)
            if picture is not None:
                seen = int(at * parts)
                yield at, picture


def _has_decoder(stream: VideoStream) -> bool:
    """False where damage hides the codec; PyAV's types don't say that its context is None then."""
    context: object = stream.codec_context
    return context is not None


def _seconds(item: Packet[VideoStream] | VideoFrame) -> float:
    if item.pts is None or item.time_base is None:
        return 0.0
    return float(item.pts * item.time_base)


def _open(path: Path) -> InputContainer:
    import av

    try:
        # A playlist or a concat script in a segment's place must not make libav go elsewhere.
        options = {"protocol_whitelist": "file"}
        return av.open(f"file:{path}", options=options, metadata_errors="replace")
    except av.error.FileNotFoundError:
        raise NotFound("the segment's file is gone") from None
    except av.error.FFmpegError as exc:
        raise MediaUnsupported(f"the segment's file can't be read: {exc.strerror}") from exc


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    """Until the end, or until the file can't be read on."""
    import av
    from av.stream import Discard

    for other in container.streams:
        if other is not stream:
            other.discard = Discard.all
    stream.codec_context.thread_count = 1  # single pictures: a second thread would only wait
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.FFmpegError, IndexError):
            return  # IndexError: PyAV at the end of a ts in which a stream turned up late
        yield packet


def _key_packets(container: InputContainer, stream: VideoStream) -> Iterator[Packet[VideoStream]]:
    from av.stream import Discard

    stream.discard = Discard.nonkey
    return (p for p in _packets(container, stream) if p.is_keyframe and p.pts is not None)


def _all(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    import av

    for packet in _packets(container, stream):
        try:
            yield from (picture for picture in packet.decode() if picture.pts is not None)
        except av.error.FFmpegError:
            continue  # one damaged picture; others stand


def _decode_alone(stream: VideoStream, packet: Packet[VideoStream]) -> VideoFrame | None:
    """The picture of a key packet, at once instead of after the reorder delay."""
    import av

    decoder = stream.codec_context
    try:
        pictures = [*decoder.decode(packet), *decoder.decode(None)]
    except av.error.FFmpegError:
        pictures = []
    decoder.flush_buffers()
    return pictures[0] if pictures else None


def _quality(picture: VideoFrame) -> float:
    """Variance of the Laplacian, the usual measure of sharpness; below 0 for nearly black."""
    import numpy as np

    height = max(2, picture.height * _SHARPNESS_WIDTH // picture.width)
    small = picture.reformat(_SHARPNESS_WIDTH, height, "gray", interpolation="FAST_BILINEAR")
    luma = small.to_ndarray().astype(np.int16)
    mean = float(luma.mean())
    if mean < _NEARLY_BLACK:
        return mean - _NEARLY_BLACK
    neighbours = luma[:-2, 1:-1] + luma[2:, 1:-1] + luma[1:-1, :-2] + luma[1:-1, 2:]
    return float((neighbours - 4 * luma[1:-1, 1:-1]).var())


def _fit(width: int, height: int, short_side: int) -> tuple[int, int]:
    """The size with its short side at most `short_side`, even on both sides."""
    factor = min(1.0, short_side / min(width, height))
    return max(2, round(width * factor / 2) * 2), max(2, round(height * factor / 2) * 2)


def _encode(picture: VideoFrame, width: int, height: int) -> bytes:
    """A JPEG, made by libav's own encoder."""
    import av

    encoder = av.CodecContext.create("mjpeg", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuvj420p"
    encoder.time_base = Fraction(1, 25)
    encoder.qmin = encoder.qmax = _JPEG_QUALITY
    encoder.thread_count = 1
    small = picture.reformat(width, height, "yuvj420p")
    small.pts, small.time_base = 0, encoder.time_base
    return b"".join(bytes(packet) for packet in [*encoder.encode(small), *encoder.encode(None)])
