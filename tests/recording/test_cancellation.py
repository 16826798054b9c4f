"""An engine whose owner is cancelled still hears its workers end."""

from __future__ import annotations

import anyio
from recording_studio import Studio

from hostcue.recording.engine import Engine
from hostcue.sim.flv import LiveFlv


async def test_a_recording_whose_owner_is_cancelled_ends_at_once(
    studio: Studio, flv: LiveFlv
) -> None:
    with anyio.fail_after(30):
        async with anyio.create_task_group() as owner:

            async def own() -> None:
                async with Engine.open() as engine:
                    studio.engine = engine
                    take = studio.take(flv.url, segment_s=60)
                    async with anyio.create_task_group() as tasks:
                        await tasks.start(
                            lambda task_status: take.recorder.run(task_status=task_status)
                        )
                        running.set()

            running = anyio.Event()
            owner.start_soon(own)
            await running.wait()
            owner.cancel_scope.cancel()
        await flv.wait_viewers(0)
