"""Media files in which something is said."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
from tone_speech import Floats

from hostcue.sim.media import make_clip

_CODECS = {".wav": "pcm_s16le", ".mp3": "libmp3lame", ".mp4": "aac", ".ts": "aac", ".mkv": "aac"}
_BLOCK = 1024


def write_sound(path: Path, samples: Floats, *, hz: int = 16_000) -> Path:
    """Sound alone, in the form that the file's name ends in."""
    with av.open(str(path), "w") as media:
        stream = media.add_stream(_CODECS[path.suffix], rate=hz, layout="mono")
        assert isinstance(stream, av.AudioStream)
        whole = np.round(samples.clip(-1, 1) * 32767).astype("<i2").reshape(1, -1)
        for first in range(0, whole.shape[1], _BLOCK):
            block = np.ascontiguousarray(whole[:, first : first + _BLOCK])
            frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
            frame.sample_rate, frame.pts = hz, first
            media.mux(stream.encode(frame))
        media.mux(stream.encode(None))
    return path


def write_broadcast(path: Path, samples: Floats) -> Path:
    """Sound with a picture, as a room sends it; an FLV file, or another that holds the same."""
    seconds = 1 + len(samples) // 16_000
    clip = make_clip(seconds=seconds, width=96, height=160, sound=samples, sound_hz=16_000)
    flv = path.with_suffix(".flv")
    tags = (tag.encode(tag.at_ms) for tag in (*clip.headers, *clip.tags))
    flv.write_bytes(b"".join((clip.flv_header, *tags)))
    if flv != path:
        _copy(flv, path)
        flv.unlink()
    return path


def write_picture(path: Path) -> Path:
    """A film without sound."""
    clip = make_clip(seconds=1, width=96, height=160, audio=False)
    tags = (tag.encode(tag.at_ms) for tag in (*clip.headers, *clip.tags))
    path.write_bytes(b"".join((clip.flv_header, *tags)))
    return path


def _copy(source: Path, target: Path) -> None:
    with av.open(str(source)) as old, av.open(str(target), "w") as new:
        streams = {
            stream.index: new.add_stream_from_template(stream)
            for stream in (*old.streams.video, *old.streams.audio)
        }
        for packet in old.demux():
            if packet.dts is not None and packet.stream.index in streams:
                packet.stream = streams[packet.stream.index]
                new.mux(packet)
