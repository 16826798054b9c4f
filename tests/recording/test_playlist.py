"""What an HLS playlist says, and that nothing in it can harm."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.errors import MediaUnsupported
from hostcue.recording.playlist import NotAPlaylist, Part, best_variant, media_playlist

URL = "http://live.example.com/a/list.m3u8?sign=1"
LIVE = """#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:4
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=NONE
#EXTINF:3.5,a title
7.mp4?x=1
#EXT-X-DISCONTINUITY
#EXTINF:4,
http://other.example.com/8.mp4
#EXT-X-GAP
#EXTINF:4,
9.mp4
"""


def test_pieces_are_numbered_and_found() -> None:
    playlist = media_playlist(LIVE, URL)
    assert (playlist.target_s, playlist.ended) == (4.0, False)
    assert [piece.number for piece in playlist.pieces] == [7, 8, 9]
    assert playlist.pieces[0].part == Part("http://live.example.com/a/7.mp4?x=1")
    assert playlist.pieces[1].part.url == "http://other.example.com/8.mp4"
    assert {piece.init for piece in playlist.pieces} == {Part("http://live.example.com/a/init.mp4")}
    assert [piece.length_s for piece in playlist.pieces] == [3.5, 4.0, 4.0]
    assert [piece.breaks for piece in playlist.pieces] == [False, True, False]
    assert [piece.missing for piece in playlist.pieces] == [False, False, True]


def test_pieces_may_be_parts_of_one_file() -> None:
    text = (
        '#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="all.mp4",BYTERANGE="720@0"\n'
        "#EXTINF:2,\n#EXT-X-BYTERANGE:1000@720\nall.mp4\n"
        "#EXTINF:2,\n#EXT-X-BYTERANGE:500\nall.mp4\n#EXT-X-ENDLIST\n"
    )
    playlist = media_playlist(text, URL)
    assert [piece.part.span for piece in playlist.pieces] == [(720, 1719), (1720, 2219)]
    assert playlist.pieces[0].init == Part("http://live.example.com/a/all.mp4", (0, 719))
    assert playlist.ended


def test_the_best_variant_is_taken() -> None:
    text = (
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=9\nlow.m3u8\n"
        '#EXT-X-STREAM-INF:CODECS="avc1,mp4a",BANDWIDTH=2000000\nhigh.m3u8\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=500000\nmedium.m3u8\n"
    )
    assert best_variant(text, URL) == "http://live.example.com/a/high.m3u8"
    assert best_variant(LIVE, URL) is None


def test_a_variant_without_its_sound_is_not_taken() -> None:
    apart = '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="sound.m3u8"\n'
    silent = '#EXT-X-STREAM-INF:BANDWIDTH=9000000,AUDIO="a"\nhigh.m3u8\n'
    whole = "#EXT-X-STREAM-INF:BANDWIDTH=9\nlow.m3u8\n"
    for text in (silent + apart + whole, apart + silent + whole):
        assert best_variant("#EXTM3U\n" + text, URL) == "http://live.example.com/a/low.m3u8"
    with pytest.raises(MediaUnsupported, match="sound"):
        best_variant("#EXTM3U\n" + apart + silent, URL)


def test_what_is_encrypted_is_refused_with_the_reason() -> None:
    key = '#EXT-X-KEY:METHOD=AES-128,URI="key.bin"'
    with pytest.raises(MediaUnsupported, match="encrypted"):
        media_playlist(LIVE.replace("#EXT-X-KEY:METHOD=NONE", key), URL)


@pytest.mark.parametrize("text", ["nan", "-1", "-inf", "", "1e", "0x9"])
def test_a_length_that_is_no_number_is_none(text: str) -> None:
    with pytest.raises(NotAPlaylist):
        media_playlist(f"#EXTM3U\n#EXT-X-TARGETDURATION:{text}\na.ts\n", URL)
    (piece,) = media_playlist(
        f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:{text},\na.ts\n", URL
    ).pieces
    assert piece.length_s == 0.0


def test_more_pieces_than_any_broadcast_has_are_not_read() -> None:
    with pytest.raises(NotAPlaylist):
        media_playlist("#EXTM3U\n#EXT-X-TARGETDURATION:2\n" + "a\n" * 200_000, URL)


def test_an_address_that_makes_no_sense_is_no_playlist() -> None:
    text = "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-STREAM-INF:BANDWIDTH=1\nhttp://[::1/a.m3u8\n"
    for read in (best_variant, media_playlist):
        with pytest.raises(NotAPlaylist):
            read(text, URL)


@pytest.mark.parametrize("text", ["", "<html>", "#EXTM3U\n", "#EXTM3U8\n#EXT-X-TARGETDURATION:1\n"])
def test_what_is_none_is_told(text: str) -> None:
    with pytest.raises(NotAPlaylist):
        media_playlist(text, URL)


TAGS = st.sampled_from(
    ["#EXTINF", "#EXT-X-BYTERANGE", "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-MAP", "#EXT-X-TARGETDURATION"]
)
LINES = st.builds(":".join, st.tuples(TAGS, st.text(max_size=20))) | st.text(max_size=20)


@given(lines=st.lists(LINES, max_size=12))
def test_no_text_is_too_strange(lines: list[str]) -> None:
    text = "\n".join(("#EXTM3U", *lines))
    with suppress(NotAPlaylist, MediaUnsupported):
        best_variant(text, URL)
    with suppress(NotAPlaylist, MediaUnsupported):
        for piece in media_playlist(text, URL).pieces:
            assert 0 <= piece.length_s <= 600
            assert piece.number >= 0
