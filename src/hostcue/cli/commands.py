"""What `hostcue` can do; each command's work is in the module of its name."""

from __future__ import annotations

import gc
import logging
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Annotated, Literal, NoReturn

import typer

from hostcue import log
from hostcue.cli import model_commands
from hostcue.config import Settings
from hostcue.errors import HostcueError, known_cause
from hostcue.model.recording import SaveFormat
from hostcue.model.room import Quality

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="hostcue (场边提词): records live-commerce rooms and suggests what the host can say next.",
)

notify = typer.Typer(no_args_is_help=True)
app.add_typer(notify, name="notify", help="Alarms to chat channels and webhooks.")

comments = typer.Typer(no_args_is_help=True)
app.add_typer(comments, name="comments", help="Stored comments: to a file, or gone.")
app.add_typer(model_commands.app, name="models", help="Models that hear what the host says.")

DEFAULT_PORT = 10090


def run() -> None:
    """Run a command; errors made on purpose end in one readable line and exit code 1 or 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a pipe that cannot take Chinese gets escapes
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except HostcueError as exc:
        _leave(exc)
    except BaseExceptionGroup as group:  # what a task group makes of an error in it
        known = known_cause(group)
        if known is None:
            raise
        _leave(known)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _leave(error: HostcueError) -> NoReturn:
    print_error(error)
    raise SystemExit(2 if error.code == "config" else 1) from None


def print_error(error: HostcueError) -> None:
    """One error, for a person: what is wrong, and what to do."""
    field = f" [{error.field}]" if error.field and error.field not in error.message else ""
    print(f"hostcue: {log.redact_text(error.message)}{field}", file=sys.stderr)
    if error.remedy:
        print(f"  → {log.redact_text(error.remedy)}", file=sys.stderr)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="0 takes any free one.")
    ] = DEFAULT_PORT,
) -> None:
    """Run the service: REST, event streams and pages."""
    gc.disable()  # until it serves: what is loaded stays, and looking it through takes a sixth
    try:
        from hostcue.cli.serve import serve as serve_forever

        settings = Settings.load()
        log.setup(json=settings.log_format == "json")
        serve_forever(settings, host, port)
    finally:
        gc.enable()


@app.command()
def demo(
    once: Annotated[bool, typer.Option(help="End after one segment was analysed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --once: print one object.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535)] = DEFAULT_PORT,
    segment: Annotated[int, typer.Option(min=2, max=60, help="Seconds per segment.")] = 4,
    folder: Annotated[
        Path | None, typer.Option(help="Keep files here; without it they go, but for --once.")
    ] = None,
) -> None:
    """Show the main job on a pretend room: no key, no network, everything marked DEMO."""
    from hostcue.cli.demo import run_demo

    raise SystemExit(
        run_demo(once=once, as_json=as_json, port=port, segment_s=segment, folder=folder)
    )


@app.command()
def record(
    url: Annotated[str, typer.Argument(help="Room link, share text, stream URL or local file.")],
    segment: Annotated[int, typer.Option(min=2, max=3600, help="Seconds per segment.")] = 300,
    quality: Annotated[Quality, typer.Option()] = "OD",
    save_format: Annotated[SaveFormat, typer.Option("--format")] = "mp4",
    output: Annotated[Path | None, typer.Option(help="Instead of RECORDS_ROOT.")] = None,
    for_seconds: Annotated[float | None, typer.Option("--for", min=1, help="Stop after.")] = None,
) -> None:
    """Record a room into segments, without a server; Ctrl-C stops and closes the last one."""
    from hostcue.cli.record import run_record

    log.setup()
    settings = Settings.load()
    run_record(
        settings,
        url,
        segment_s=segment,
        quality=quality,
        save_format=save_format,
        root=output or settings.records_root,
        for_s=for_seconds,
    )


@app.command()
def transcribe(
    what: Annotated[
        str,
        typer.Argument(help="Media file, room link, share text or stream URL.", metavar="FILE|URL"),
    ],
    form: Annotated[
        Literal["text", "json", "srt"],
        typer.Option("--format", help="Lines with their moment, one object a line, or subtitles."),
    ] = "text",
    output: Annotated[Path | None, typer.Option(help="File; default: standard output.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="Id of `hostcue models list`, or a folder, for HOSTCUE_SPEECH_MODEL."),
    ] = None,
    language: Annotated[
        Literal["zh", "en", "yue", "ja", "ko", "auto"] | None,
        typer.Option(help="Instead of HOSTCUE_SPEECH_LANGUAGE."),
    ] = None,
    hot_word: Annotated[
        list[str] | None,
        typer.Option(help="A name to be put right where it was misheard; may be repeated."),
    ] = None,
    partials: Annotated[
        bool,
        typer.Option(
            "--partials", help="On a terminal, of a room: also what is being said right now."
        ),
    ] = False,
) -> None:
    """Write down what is said: in a file to its end, in a room until Ctrl-C or until it is over.

    Needs no server. Ends with 1 where a part of a file could not be heard.
    """
    from hostcue.cli.transcribe import Wishes, run_transcribe

    log.setup(logging.ERROR)
    wishes = Wishes(form, output, model, language, tuple(hot_word or ()), partials)
    raise SystemExit(run_transcribe(Settings.load(), what, wishes))


@app.command()
def watch(
    urls: Annotated[list[str], typer.Argument(help="Room links, share texts or stream URLs.")],
    schedule: Annotated[
        list[str] | None,
        typer.Option(help='Only then: "19:30-01:00" or "fri,sat 19:30-01:00"; may be repeated.'),
    ] = None,
    segment: Annotated[int, typer.Option(min=2, max=3600, help="Seconds per segment.")] = 300,
    quality: Annotated[Quality, typer.Option()] = "OD",
    save_format: Annotated[SaveFormat, typer.Option("--format")] = "mp4",
    follow: Annotated[bool, typer.Option(help="Print what happens until Ctrl-C.")] = True,
    server: Annotated[str, typer.Option(help="Where hostcue runs.")] = (
        f"http://127.0.0.1:{DEFAULT_PORT}"
    ),
    serve: Annotated[
        bool, typer.Option("--serve", help="Run a server here until Ctrl-C, instead of asking one.")
    ] = False,
) -> None:
    """Have a server record rooms each time they are live; it goes on with that after Ctrl-C.

    A room is watched until it is stopped, on the page or with POST /api/recording/stop.
    """
    from hostcue.cli.watch import room_body, run_watch, run_watch_here

    rooms = [
        room_body(
            url,
            schedule or [],
            segment_time=segment,
            quality=quality,
            save_format=save_format,
        )
        for url in urls
    ]
    if serve:
        run_watch_here(Settings.load(), DEFAULT_PORT, rooms)
    else:
        run_watch(Settings.load(), server, rooms, follow=follow)


@app.command()
def tips(
    limit: Annotated[int, typer.Option(min=1, max=200)] = 5,
    room: Annotated[str | None, typer.Option(help="Only of this room_id.")] = None,
    follow: Annotated[bool, typer.Option(help="Go on with new lines as they come.")] = False,
    server: Annotated[str, typer.Option(help="Where hostcue runs.")] = (
        f"http://127.0.0.1:{DEFAULT_PORT}"
    ),
) -> None:
    """Print the newest lines of a running server (HOSTCUE_TOKEN is sent)."""
    from hostcue.cli.tips import tips as print_tips

    print_tips(Settings.load(), server, limit=limit, room_id=room, follow=follow)


@comments.command("export")
def comments_export(
    room: Annotated[str, typer.Option(help="The room_id of a broadcast.")],
    start: Annotated[
        str | None, typer.Option("--from", help='Like "2026-11-25 20:00"; default: all before.')
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="The same; not included.")] = None,
    form: Annotated[Literal["csv", "jsonl"], typer.Option("--format")] = "csv",
    output: Annotated[Path | None, typer.Option(help="File; default: standard output.")] = None,
    server: Annotated[str, typer.Option(help="Where hostcue runs.")] = (
        f"http://127.0.0.1:{DEFAULT_PORT}"
    ),
) -> None:
    """Write a room's comments as a table (csv) or one JSON object a line (jsonl)."""
    from hostcue.cli.comments import export

    export(Settings.load(), server, room_id=room, start=start, end=end, form=form, output=output)


@comments.command("erase")
def comments_erase(
    viewer: Annotated[str, typer.Option(help="The viewer's key, as comments show it.")] = "",
    user_id: Annotated[str | None, typer.Option(help="Or the platform's own id.")] = None,
    platform: Annotated[str, typer.Option(help="Of the id.")] = "douyin",
    server: Annotated[str, typer.Option(help="Where hostcue runs.")] = (
        f"http://127.0.0.1:{DEFAULT_PORT}"
    ),
) -> None:
    """Delete everything one viewer wrote, in all rooms."""
    from hostcue.cli.comments import erase

    erase(Settings.load(), server, viewer=viewer, platform=platform, user_id=user_id)


@notify.command("test")
def notify_test(
    server: Annotated[str, typer.Option(help="Where hostcue runs.")] = (
        f"http://127.0.0.1:{DEFAULT_PORT}"
    ),
) -> None:
    """Send a test message to every target of a running server, and say what became of each."""
    from hostcue.cli.notify import send_test

    raise SystemExit(send_test(Settings.load(), server))


@app.command()
def clean(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    force: Annotated[bool, typer.Option(help="Also if it is more than half of all.")] = False,
    server: Annotated[str, typer.Option(help="Where hostcue runs.")] = (
        f"http://127.0.0.1:{DEFAULT_PORT}"
    ),
) -> None:
    """Delete old recordings of a running server now, as far as its settings allow it."""
    from hostcue.cli.clean import clean as clean_up

    clean_up(Settings.load(), server, dry_run=dry_run, force=force)


@app.command()
def doctor(
    room: Annotated[str | None, typer.Option(help="A live room to try everything on.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one object.")] = False,
    report: Annotated[
        Path | None,
        typer.Option(help="Where to write the report for an issue; with --room always written."),
    ] = None,
) -> None:
    """Say what is missing and how to mend it."""
    from hostcue.cli.doctor import run_doctor

    log.setup(logging.ERROR)
    raise SystemExit(run_doctor(Settings.load, room=room, as_json=as_json, report=report))
