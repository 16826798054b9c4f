"""Evidence and films for the tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from hostcue.model.digest import CommentDigest, Topic
from hostcue.model.segment import ClosedFile, Segment
from hostcue.model.tip import EvidencePack, Frame
from hostcue.model.utterance import Utterance
from hostcue.model.window import Window
from hostcue.speech.digest import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Picture = NDArray[np.uint8]

START_MS = 1_700_000_000_000

PackMaker = Callable[..., EvidencePack]
FilmMaker = Callable[..., Path]


@pytest.fixture(scope="session")
def make_pack() -> PackMaker:
    def make(
        *,
        seq: int = 0,
        seconds: float = 300,
        title: str = "秋季新品专场",
        topics: Sequence[Topic] = (),
        said: Sequence[str] = (),
        frames: int = 0,
        coverage: float | None = None,
    ) -> EvidencePack:
        window = Window(START_MS, START_MS + round(seconds * 1000))
        file = ClosedFile(
            seq=seq,
            path="a.mp4",
            window=window,
            duration_ms=round(seconds * 1000),
            bytes=1,
            video_codec="h264",
            audio_codec="aac",
            width=720,
            height=1280,
            fps=25.0,
        )
        return EvidencePack(
            segment=Segment("rec", "room", "小店", "douyin", file, window.end_ms),
            title=title,
            digest=CommentDigest(sum(t.count for t in topics), tuple(topics)),
            speech=digest(
                [
                    Utterance(f"u{n}", "room", START_MS + n * 1000, START_MS + n * 1000 + 900, text)
                    for n, text in enumerate(said)
                ],
                window,
                coverage=coverage,
            ),
            frames=tuple(
                Frame(f"rec-{seq}-{n}", START_MS + n * 10_000, b"\xff\xd8jpeg", 270, 480)
                for n in range(frames)
            ),
        )

    return make


@pytest.fixture(scope="session")
def make_film(tmp_path_factory: pytest.TempPathFactory) -> FilmMaker:
    """Encode pictures into a file; without pictures it is a tone."""

    def make(
        pictures: Iterable[Picture] = (),
        *,
        suffix: str = ".mp4",
        fps: int = 10,
        gop: int = 10,
        options: dict[str, str] | None = None,
    ) -> Path:
        import av

        path = tmp_path_factory.mktemp("film") / f"a{suffix}"
        with av.open(str(path), "w", options=options or {}) as out:
            video = None
            for number, picture in enumerate(pictures):
                if video is None:
                    keys = {"g": str(gop), "keyint_min": str(gop), "sc_threshold": "0"}
                    video = out.add_stream(
                        "libx264", rate=fps, options=keys | {"bf": "2", "preset": "veryfast"}
                    )
                    video.height, video.width = picture.shape[:2]
                    video.pix_fmt = "yuv420p"
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                frame.pts = number
                out.mux(video.encode(frame))
            if video is not None:
                out.mux(video.encode(None))
            else:
                _hum(out)
        return path

    return make


def _hum(out: object) -> None:
    import av
    from av.container import OutputContainer

    assert isinstance(out, OutputContainer)
    audio = out.add_stream("aac", rate=32_000, layout="mono")
    for number in range(32):
        tone = np.sin(np.arange(1024, dtype=np.float32) / 20)[None, :]
        frame = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 32_000, number * 1024
        out.mux(audio.encode(frame))
    out.mux(audio.encode(None))
