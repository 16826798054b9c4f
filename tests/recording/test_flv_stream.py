"""Where an FLV stream changes its form, one file ends and another begins."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import av
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.model.recording import SaveFormat
from hostcue.recording.flv_stream import FlvStream
from hostcue.recording.measure import measure
from hostcue.recording.segment_file import SegmentFile
from hostcue.recording.source import _open_feed
from hostcue.sim.media import Clip, VideoCodec, make_clip

CLIP = make_clip(seconds=4, width=160, height=288)


class Body:
    """What came in, in pieces of these sizes."""

    name = "http://127.0.0.1/x.flv"

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = io.BytesIO(data)
        self._sizes = sizes
        self._reads = 0

    def read(self, size: int) -> bytes:
        self._reads += 1
        return self._data.read(min(size, self._sizes[self._reads % len(self._sizes)]))

    def close(self) -> None:
        pass


def broadcast(*clips: Clip, script: bool = True) -> bytes:
    parts = [clips[0].flv_header]
    at_ms = 0
    for clip in clips:
        parts += [tag.encode(at_ms) for tag in clip.headers if script or tag.kind != 18]
        parts += [tag.encode(at_ms + tag.at_ms) for tag in clip.tags]
        at_ms += clip.duration_ms
    return b"".join(parts)


def files(data: bytes, sizes: list[int], *, size: int = 4096) -> Iterator[bytes]:
    stream = FlvStream(Body(data, sizes))  # type: ignore[arg-type] # plays an HttpBody
    while True:
        read = b""
        while len(read) < 3000 and (piece := stream.read(size)):  # what libav looks at first
            read += piece
        stream.seal()
        yield read + b"".join(iter(lambda: stream.read(size), b""))
        if not stream.next_file():
            return


def pictures(data: bytes) -> tuple[str, int]:
    """The codec of the picture in a file, and how many pictures."""
    with av.open(io.BytesIO(data), "r") as file:
        count = len(list(file.decode(video=0)))
        return file.streams.video[0].codec_context.codec.canonical_name, count


@given(
    sizes=st.lists(st.integers(1, 5000), min_size=1, max_size=5), size=st.sampled_from([64, 32768])
)
def test_a_stream_of_one_form_is_one_file_without_a_byte_changed(
    sizes: list[int], size: int
) -> None:
    data = broadcast(CLIP)[:30_000]
    assert list(files(data, sizes, size=size)) == [data]


@pytest.mark.parametrize("codec", ["h265", "h265-12", "av1"])
def test_a_picture_in_another_codec_begins_another_file(codec: VideoCodec) -> None:
    other = make_clip(seconds=4, width=160, height=288, video_codec=codec)
    found = [pictures(file) for file in files(broadcast(CLIP, other, CLIP), [3000])]
    name = "av1" if codec == "av1" else "hevc"
    assert found == [("h264", 60), (name, 60), ("h264", 60)]


def test_sound_that_sets_in_later_is_in_a_file_with_the_picture() -> None:
    silent = make_clip(seconds=4, width=160, height=288, audio=False)
    made = list(files(broadcast(silent, CLIP), [3000]))
    assert sum(pictures(file)[1] for file in made) == 120
    with av.open(io.BytesIO(made[-1])) as last:
        assert len(last.streams.audio) == 1


def test_a_picture_that_sets_in_later_is_in_another_file() -> None:
    sound = make_clip(seconds=4, video_codec=None)
    first, second = files(broadcast(sound, CLIP), [3000])
    with av.open(io.BytesIO(first)) as file:
        assert not file.streams.video
    assert pictures(second) == ("h264", 60)


def test_a_script_in_the_middle_makes_no_stream_of_its_own() -> None:
    (made,) = files(broadcast(CLIP, CLIP), [3000])
    with av.open(io.BytesIO(made), "r") as file:
        assert len(list(file.decode(video=0))) == 120
        assert [stream.type for stream in file.streams] == ["video", "audio"]


def tag(kind: int, body: bytes, at_ms: int = 0) -> bytes:
    stamp = at_ms.to_bytes(4)
    head = bytes((kind,)) + len(body).to_bytes(3) + stamp[1:] + stamp[:1] + b"\0\0\0"
    return head + body + (11 + len(body)).to_bytes(4)


COLOURS = b"\x02\x00\x09colorInfo\x03\x00\x0bcolorConfig\x03\x00\x00\x09\x00\x00\x09"
STRAYS = {
    "no picture": (9, b""),
    "no sound": (8, b""),
    "half a head": (8, b"\xaf"),
    "the end of a sequence": (9, b"\x17\x02\x00\x00\x00"),
    "a command": (9, b"\x57\x00"),
    "colours": (9, b"\x94avc1" + COLOURS),
    "several pictures": (9, b"\x96\x00hvc1\x00abcdef"),
    "several sounds": (8, b"\x95\x00Opus\x00abcdef"),
    "modified sound": (8, b"\x97\x02\x00\x00\x00\x01Opusabc"),
    "sound of another codec": (8, b"\x91Opusabcdef"),
    "something unknown": (15, b"what?"),
}


@pytest.mark.parametrize("stray", STRAYS)
def test_tags_that_are_strewn_in_do_not_tear_the_stream(stray: str) -> None:
    parts = [CLIP.flv_header, *(header.encode(0) for header in CLIP.headers)]
    for number, one in enumerate(CLIP.tags):
        parts += [one.encode(one.at_ms), tag(*STRAYS[stray], one.at_ms)][: 1 + (number % 9 == 8)]
    (made,) = files(b"".join(parts), [3000])
    assert pictures(made) == ("h264", 60)
    stream = FlvStream(Body(b"".join(parts), [3000]))  # type: ignore[arg-type] # plays an HttpBody
    source = _open_feed(stream, stream)
    recorded = [packet.stream_index for packet in source.packets()]
    assert recorded.count(source.lead.index) == 60


@pytest.mark.parametrize("save_format", ["mp4", "ts", "flv", "mkv"])
def test_an_encoder_that_names_itself_in_gbk_is_recorded(
    tmp_path: Path, save_format: SaveFormat
) -> None:
    name = "直播".encode("gbk")
    about = b"\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x07encoder\x02"
    script = tag(18, about + len(name).to_bytes(2) + name + b"\x00\x00\x09")
    data = CLIP.flv_header + script + broadcast(CLIP, script=False)[13:]
    stream = FlvStream(Body(data, [3000]))  # type: ignore[arg-type] # plays an HttpBody
    source = _open_feed(stream, stream)
    file = SegmentFile(tmp_path / "made", save_format, source.streams)
    for packet in source.packets():
        file.write(packet, 0.0)
    file.close()
    assert measure(tmp_path / "made").keys == 4


@pytest.mark.parametrize("save_format", ["mp4", "ts", "flv", "mkv"])
def test_a_damaged_packet_costs_itself_and_no_more(tmp_path: Path, save_format: SaveFormat) -> None:
    """Its parts claim to be longer than it is."""
    parts = [CLIP.flv_header, *(header.encode(0) for header in CLIP.headers)]
    damaged = [one for one in CLIP.tags if one.kind == 9][20]
    for one in CLIP.tags:
        data = one.encode(one.at_ms)
        parts.append(data[:16] + b"\xff\xff" + data[18:] if one is damaged else data)
    stream = FlvStream(Body(b"".join(parts), [3000]))  # type: ignore[arg-type] # plays an HttpBody
    source = _open_feed(stream, stream)
    file = SegmentFile(tmp_path / "made", save_format, source.streams)
    for packet in source.packets():
        file.write(packet, 0.0)
    file.close()
    assert measure(tmp_path / "made").keys == 4


def test_a_header_that_claims_much_is_not_waited_for() -> None:
    huge = bytes((9, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0, 0, 0, 0, 0x17, 0, 0, 0, 0))
    data = CLIP.flv_header + huge + bytes(200_000)
    stream = FlvStream(Body(data, [4096]))  # type: ignore[arg-type] # plays an HttpBody
    read = 0
    while piece := stream.read(4096):
        read += len(piece)
        assert len(stream._unread) <= 4096
    assert read == len(data)


@given(st.lists(st.tuples(st.integers(0, 31), st.binary(max_size=40)), max_size=30))
def test_any_tags_are_read_to_their_end(tags: list[tuple[int, bytes]]) -> None:
    data = CLIP.flv_header + b"".join(tag(kind, body) for kind, body in tags)
    made = list(files(data, [7, 100]))
    assert sum(len(file) for file in made) >= 13


@given(st.binary(max_size=600), st.booleans())
def test_any_bytes_are_read_to_their_end(data: bytes, flv: bool) -> None:
    start = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00" if flv else b""
    read = b"".join(files(start + data, [7, 100]))
    assert flv or read == data


class FallsSilent(Body):
    """Sends nothing more; who asks again is told so in other words, as a socket does."""

    def read(self, size: int) -> bytes:
        data = super().read(size)
        if data:
            return data
        if self._reads == 2:
            raise TimeoutError
        raise OSError("cannot read from timed out object")


def test_why_a_stream_broke_is_the_first_thing_that_was_said_of_it() -> None:
    stream = FlvStream(FallsSilent(CLIP.flv_header, [4096]))  # type: ignore[arg-type] # as above
    for _ in range(3):
        with pytest.raises(TimeoutError):
            while True:
                stream.read(4096)
    assert isinstance(stream.broken, TimeoutError)
