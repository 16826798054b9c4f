"""What listens to rooms: where sound comes in, the engine that hears, and who has it do so."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec

import anyio

from hostcue.config import Settings
from hostcue.errors import ConfigError, SpeechMissing
from hostcue.model.room import Quality
from hostcue.pipeline.analysis import Stores
from hostcue.pipeline.live_audio import LiveAudio, SpeechRows
from hostcue.pipeline.live_audio_supply import ListeningParts, SpeechSupply, Supply
from hostcue.pipeline.speech_log import Publish
from hostcue.recording.engine import Engine
from hostcue.recording.listener import Listener
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.rooms.chain import Resolvers
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.offline import hear_file
from hostcue.speech.presets import plan_of
from hostcue.speech.session import SpeechSession
from hostcue.speech.shelf import Shelf, unreadable
from hostcue.storage.database import Database
from hostcue.storage.outbox import Outbox

SOUND_QUALITY: Quality = "LD"
"""Where only the sound is wanted, the smallest picture that comes with it."""


@asynccontextmanager
async def open_live_audio(
    settings: Settings,
    stores: Stores,
    database: Database,
    outbox: Outbox,
    publish: Publish,
    workers: Engine,
    resolvers: Resolvers,
) -> AsyncIterator[LiveAudio]:
    """Rooms can be listened to; no process is started before one is.

    On leaving, sessions end; what was said last is stored, if that takes no longer than seconds.
    """
    shelf = Shelf(settings.models_dir)
    find = partial(shelf.find, settings.speech_model)
    async with (
        SoundInlet.open() as inlet,
        SpeechEngine.open(find, workers=settings.speech_workers) as engine,
        anyio.create_task_group() as tasks,
    ):
        live_audio = LiveAudio(
            tasks,
            ListeningParts(
                inlet=inlet,
                new_session=partial(SpeechSession, engine=engine),
                new_listener=partial(Listener, workers, policy=settings.address_policy),
                resolve=lambda link, access: resolvers.resolve(link, SOUND_QUALITY, access),
                room_of=resolvers.room_of,
                store=stores.utterances,
                publish=publish,
                proxies=settings.proxies,
            ),
            SpeechRows(stores.recordings, stores.segments, stores.speech_spans, outbox),
            SpeechSupply(partial(look_up, shelf, settings.speech_model), Supply("", error=_UNSEEN)),
            plan=plan_of(
                settings.speech_profile,
                partials=settings.speech_partials,
                language=settings.speech_language,
            ),
            offline_plan=plan_of("offline", language=settings.speech_language),
            hear_file=partial(hear_file, engine=engine),
            engine_status=lambda: (engine.status, engine.waiting),
            off=settings.speech == "off",
            most=settings.max_listening,
        )
        await live_audio.look()
        database.on_commit(live_audio.committed)
        tasks.start_soon(live_audio.run)
        try:
            yield live_audio
        finally:
            with anyio.CancelScope(shield=True):
                await live_audio.close()
            tasks.cancel_scope.cancel()


_UNSEEN = SpeechMissing("nobody has looked yet")


def look_up(shelf: Shelf, name: str) -> Supply:
    """What of the extra and of the model is there; blocks."""
    extra = extra_installed()
    vad = model = False
    error: ConfigError | None = None
    try:
        shelf.vad()
        vad = True
    except (ConfigError, OSError):
        pass
    try:
        files = shelf.find(name)
        name, vad, model = files.id, True, True
    except OSError as exc:
        error = unreadable(exc)
    except ConfigError as exc:
        error = exc
        held = shelf.held(name)
        model = held is not None and held.state == "ready"
    if not extra:
        error = SpeechMissing(
            "the extra `speech` is not installed", remedy='pip install "hostcue[speech]"'
        )
    return Supply(name, extra, model, vad, error)


def extra_installed() -> bool:
    """Whether the library that hears is installed; does not load it."""
    return find_spec("sherpa_onnx") is not None
