"""One still image per segment, for people to recognise it by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio

from hostcue.errors import NotFound
from hostcue.model.tip import Frame
from hostcue.model.window import Window
from hostcue.storage.segments import Segments
from hostcue.storage.tips import Tips


class Pictures:
    """A frame that analysis kept, or else one taken from the file and kept from then on."""

    def __init__(
        self, segments: Segments, tips: Tips, one_frame: Callable[[Path, Window, str], list[Frame]]
    ) -> None:
        self._segments = segments
        self._tips = tips
        self._one_frame = one_frame
        self._turn = anyio.Lock()  # a page asks for many at once; decoding them one by one will do

    async def of(self, recording_id: str, seq: int) -> bytes:
        """The JPEG of a segment.

        Raises:
            NotFound: no such segment, no picture in it, or its file was deleted.
        """
        segment = await self._segments.get(recording_id, seq)
        async with self._turn:
            kept = await self._tips.frame_of_segment(recording_id, seq)
            if kept is not None:
                return kept
            await self._segments.with_file(recording_id, seq)
            frames = await anyio.to_thread.run_sync(
                self._one_frame,
                Path(segment.file.path),
                segment.window,
                f"{recording_id}-{seq}-picture",
            )
            if not frames:
                raise NotFound(f"segment {seq} holds no picture", field="seq")
            await self._tips.keep_frames(recording_id, seq, frames)
            return frames[0].jpeg
