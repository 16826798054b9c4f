"""What a source's pauses do to the windows of what is recorded from it."""

from __future__ import annotations

import anyio
import pytest
from clip_frames import frames_in
from recording_studio import Studio

from hostcue.model.clock import now_ms
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip

FPS = 15
PAUSE_S = 1.5


@pytest.mark.parametrize("after_s", [0.05, 0.6])
async def test_a_segment_that_began_before_a_pause_keeps_its_start(
    studio: Studio, flv: LiveFlv, clip: Clip, after_s: float
) -> None:
    """While its start is still made better, the clock learns of the pause."""
    async with studio.running(studio.take(flv.url, segment_s=60)) as take:
        began_ms = now_ms() - flv.position_ms()
        await anyio.sleep(after_s)
        flv.stall()
        await anyio.sleep(PAUSE_S)
        flv.resume(catch_up=False)
        paused_ms = now_ms() - flv.position_ms() - began_ms
        sized = len(take.progress)
        await take.until(lambda: len(take.progress) >= sized + 2)
    (file,) = take.closed
    first_ms = frames_in([file], clip).beginnings[0].number * 1000 / FPS
    off_ms = (file.window.start_ms - began_ms - first_ms + 2000) % clip.duration_ms - 2000
    assert abs(off_ms) <= 500
    length_ms = file.window.end_ms - file.window.start_ms
    assert length_ms == pytest.approx(file.duration_ms + paused_ms, abs=500)
