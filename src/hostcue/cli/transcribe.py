"""`hostcue transcribe`: what is said in a file or a room, without server or database."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TextIO, cast
from uuid import uuid4

import anyio
import anyio.to_thread

from hostcue.cli.interrupt import stop_asked
from hostcue.cli.printer import Printer
from hostcue.cli.transcript import Form, OutputFile, Transcript
from hostcue.config import Settings
from hostcue.errors import BadRequest, MediaUnsupported, NoMedia, RoomNotFound
from hostcue.model.clock import now_ms
from hostcue.model.recording import RecorderEvent, StateChanged
from hostcue.model.room import LiveRoom
from hostcue.model.sound import Sound, SoundPlace
from hostcue.model.speech import SpeechPlan
from hostcue.recording.engine import Engine
from hostcue.recording.listener import Listener
from hostcue.recording.sound_inlet import SoundInlet
from hostcue.speech.engine import SpeechEngine
from hostcue.speech.offline import hear_file
from hostcue.speech.presets import plan_of
from hostcue.speech.session import SpeechSession
from hostcue.speech.shelf import ModelFiles, Shelf
from hostcue.wiring import open_platforms
from hostcue.wiring.speech import SOUND_QUALITY, look_up

_INTERRUPTED = 130
_SOUND_ENDINGS = {".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus", ".wma"}


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line asks for; None is as the settings say."""

    form: Form = "text"
    output: Path | None = None
    model: str | None = None
    language: str | None = None
    hot_words: tuple[str, ...] = ()
    partials: bool = False


def run_transcribe(settings: Settings, what: str, wishes: Wishes) -> int:
    """Print what is said in a file, to its end, or in a room, until Ctrl-C or until it is over.

    The exit code: 0; 1 where a part of a file could not be heard; 130 after Ctrl-C in a file.

    Raises:
        HostcueError: nothing can be heard there, or not with this model.
    """
    link = _checked(what)
    if wishes.output is not None:
        _spare(link, wishes.output)
    name = wishes.model or settings.speech_model
    shelf = Shelf(settings.models_dir)
    if (error := look_up(shelf, name).error) is not None:
        raise error
    find = partial(shelf.find, name)
    try:
        with ExitStack() as stack:
            out = sys.stdout
            if wishes.output is not None:
                out = cast("TextIO", stack.enter_context(OutputFile(wishes.output)))
            return anyio.run(_transcribe, settings, link, wishes, find, out)
    except* BrokenPipeError:  # from within task groups; whoever read has enough
        pass
    return 0


def _checked(what: str) -> str:
    """A link as it is, a file's whole path.

    Raises:
        BadRequest: it is a folder.
        RoomNotFound: there is no such file.
    """
    path = Path(what)
    try:
        if what.strip() and path.is_dir():
            raise BadRequest(f"{what} is a folder", remedy="name a media file in it")
        if path.is_file():
            return str(path.absolute())
    except (OSError, ValueError):  # a share text may be too long for a name
        return what
    if path.suffix.lower() in _SOUND_ENDINGS and "://" not in what:
        raise RoomNotFound(f"there is no file {what}", remedy="check the path")
    return what


def _spare(link: str, output: Path) -> None:
    """Raises BadRequest where the sound itself would be written over."""
    with suppress(OSError, ValueError):  # a link is no file, nor may the output be one yet
        if output.samefile(link):
            raise BadRequest(
                f"{output} is the file that is listened to",
                field="--output",
                remedy="name another file",
            )


@dataclass(frozen=True, slots=True)
class _Tools:
    """What hears a file and a room alike."""

    settings: Settings
    wishes: Wishes
    out: TextIO
    workers: Engine
    inlet: SoundInlet
    engine: SpeechEngine

    def plan(self, profile: str) -> SpeechPlan:
        """How it is heard."""
        return plan_of(
            profile,
            language=self.wishes.language or self.settings.speech_language,
            hot_words=self.wishes.hot_words,
            partials=self.wishes.partials and sys.stderr.isatty(),
        )

    def listener(
        self,
        live: LiveRoom,
        place: SoundPlace,
        resolve: Callable[[], Awaitable[LiveRoom]],
        emit: Callable[[RecorderEvent], Awaitable[None]],
    ) -> Listener:
        """Brings the sound."""
        return Listener(
            self.workers,
            live=live,
            place=place,
            proxies=self.settings.proxies,
            policy=self.settings.address_policy,
            resolve=resolve,
            emit=emit,
        )


async def _transcribe(
    settings: Settings, link: str, wishes: Wishes, find: Callable[[], ModelFiles], out: TextIO
) -> int:
    async with AsyncExitStack() as stack:
        platforms = await stack.enter_async_context(open_platforms(settings, allow_files=True))

        async def resolve() -> LiveRoom:
            return await platforms.resolvers.resolve(link, SOUND_QUALITY)

        live = await resolve()
        speech = SpeechEngine.open(find, workers=settings.speech_workers)
        tools = _Tools(
            settings,
            wishes,
            out,
            await stack.enter_async_context(Engine.open()),
            await stack.enter_async_context(SoundInlet.open()),
            await stack.enter_async_context(speech),
        )
        hear = _hear_file if live.source.container == "file" else _hear_room
        return await hear(tools, live, resolve)


async def _hear_file(
    tools: _Tools, live: LiveRoom, resolve: Callable[[], Awaitable[LiveRoom]]
) -> int:
    stopped = False
    heard_ms = 0.0
    length_ms = await anyio.to_thread.run_sync(_length_ms, live.source.url)
    transcript = Transcript(tools.out, tools.wishes.form, origin_ms=0, clock=False)

    async with anyio.create_task_group() as tasks:
        page = Printer(transcript, tasks.cancel_scope)

        async def stop() -> None:
            nonlocal stopped
            await stop_asked()
            stopped = True
            tasks.cancel_scope.cancel()

        def progress(until_ms: float) -> None:
            nonlocal heard_ms
            heard_ms = until_ms
            share = f"{min(until_ms / length_ms, 1):.0%}, " if length_ms else ""
            page.show(f"{share}{transcript.moment(until_ms)}")

        tasks.start_soon(stop)
        async with (
            hear_file(
                tools.plan("offline"), engine=tools.engine, emit=page.take, progress=progress
            ) as hearing,
            tools.inlet.expect(hearing.take) as place,
        ):
            await _read(tools.listener(live, place, resolve, _ignore), live)
        tasks.cancel_scope.cancel()
    page.show("")
    page.check()
    if stopped:
        page.say(f"stopped at {transcript.moment(heard_ms)}")
        return _INTERRUPTED
    return 1 if page.missed_s else 0


async def _read(listener: Listener, live: LiveRoom) -> None:
    """The file's sound, to its end; what is wrong with a file is said of the file.

    Raises:
        MediaUnsupported: there is none.
    """
    name = Path(live.source.url).name
    try:
        await listener.run()
    except NoMedia:
        raise MediaUnsupported(
            f"{name} is damaged, or no media file at all", remedy="see whether a player opens it"
        ) from None
    except MediaUnsupported as exc:
        raise MediaUnsupported(f"{name}: {exc.message}", remedy=exc.remedy) from None


async def _hear_room(
    tools: _Tools, live: LiveRoom, resolve: Callable[[], Awaitable[LiveRoom]]
) -> int:
    transcript = Transcript(tools.out, tools.wishes.form, origin_ms=now_ms(), clock=True)
    async with anyio.create_task_group() as tasks:
        page = Printer(transcript, tasks.cancel_scope)
        session = SpeechSession(
            uuid4().hex[:12],
            tools.plan(tools.settings.speech_profile),
            engine=tools.engine,
            emit=page.take,
        )

        async def take(sound: Sound) -> None:
            if session.tally.received_s == 0:  # a room greets with its last seconds
                transcript.origin_ms = sound.at_ms
            session.take(sound)

        async def told(event: RecorderEvent) -> None:
            if isinstance(event, StateChanged):
                state = "listening" if event.state == "recording" else event.state
                words = dict.fromkeys((state, event.reason))  # "stopped" may be both
                page.say(f"[{transcript.moment(event.at_ms)}] {' '.join(filter(None, words))}")

        async def stop() -> None:
            await stop_asked()
            page.say("hearing the last words …")
            await listener.stop()

        async with tools.inlet.expect(take) as place:
            await tasks.start(session.run)
            listener = tools.listener(live, place, resolve, told)
            tasks.start_soon(stop)
            await listener.run()
        await session.end()
        tasks.cancel_scope.cancel()
    page.check()
    return 0


async def _ignore(_: RecorderEvent) -> None:
    pass


def _length_ms(path: str) -> float | None:
    """None where nobody looks at the progress, or where the file doesn't tell."""
    if not sys.stderr.isatty():
        return None
    import av

    with suppress(av.FFmpegError), av.open(path) as media:
        return media.duration / 1000 if media.duration else None
    return None
