"""The order of the checks, and where their results go."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path

import anyio
from anyio.abc import TaskStatus

from hostcue.cli.doctor import machine, services
from hostcue.cli.doctor.alarms import alarms
from hostcue.cli.doctor.costs import hour_costs
from hostcue.cli.doctor.finding import Checks, Finding, Outcome, in_thread
from hostcue.cli.doctor.redaction import Concealer
from hostcue.cli.doctor.report import Examination, as_object, closing, lines
from hostcue.cli.doctor.room import examine_room
from hostcue.cli.doctor.sealed import sealed_with_another_key
from hostcue.cli.doctor.speech import WITHIN_S as SPEECH_S
from hostcue.cli.doctor.speech import speech
from hostcue.config import Settings
from hostcue.errors import ConfigError

LISTEN_S = 10.0
_IMPORT_S = 30.0


def run_doctor(
    load: Callable[[], Settings],
    *,
    room: str | None = None,
    as_json: bool = False,
    report: Path | None = None,
) -> int:
    """Check everything and say so as it goes; the exit code is 0 if nothing failed.

    `load` reads the settings, which is a check of its own. With `room` a report is written, to
    `report` or into the current folder.
    """
    _print_anything()
    out = sys.stderr if as_json else sys.stdout

    def tell(finding: Finding) -> None:
        print(*lines(finding), sep="\n", file=out, flush=True)

    if room is not None and report is None:
        report = Path(f"hostcue-doctor-{datetime.now().astimezone():%Y%m%d-%H%M%S}.json")
    work = partial(examine, load, room=room, report=report, tell=tell)
    examination = anyio.run(_unless_told_to_stop, work)
    if examination is None:
        return 128 + signal.SIGTERM
    print(*closing(examination), sep="\n", file=out)
    if as_json:
        print(_json(as_object(examination, with_details=True)))
    return 1 if examination.failed else 0


async def examine(
    load: Callable[[], Settings],
    *,
    room: str | None = None,
    report: Path | None = None,
    tell: Callable[[Finding], None],
    seconds: float = LISTEN_S,
) -> Examination:
    """Run the checks, those of `room` last; `seconds` of it are recorded and listened to."""
    checks = Checks(tell)

    async def read() -> Outcome[Settings]:
        return Outcome(load(), "read from the environment and .env")

    await checks.run("python", in_thread(machine.python))
    await checks.run("media", in_thread(machine.media), within_s=_IMPORT_S)
    await checks.run("platforms", in_thread(machine.platforms), within_s=_IMPORT_S)
    settings = await checks.run("settings", read)
    if settings is None:
        checks.skip(["the rest"], "needs settings that make sense")
        return Examination(checks.findings, None)
    checks.conceal = Concealer.of(settings)
    disk = partial(machine.records, settings.records_root, settings.line_rules, settings.keep_rules)
    await checks.run("records", in_thread(disk))
    sealed = partial(sealed_with_another_key, settings)
    await checks.run("data", in_thread(partial(machine.data, settings.data_dir, sealed)))
    await checks.run("time zone", in_thread(partial(machine.zone, settings.tz)))
    await checks.run("model", partial(services.model, settings))
    await checks.run("token", partial(services.token, settings))
    await checks.run("proxies", partial(services.proxies, settings))
    cdp_url = settings.browser_cdp_url.get_secret_value() if settings.browser_cdp_url else ""
    browser = partial(machine.browser, settings.browser_path, cdp_url)
    await checks.run("browser", in_thread(browser))
    await checks.run("alarms", partial(alarms, settings), within_s=_IMPORT_S)
    await checks.run("douyin", partial(services.douyin, settings))
    await checks.run("comment ways", partial(services.comments, settings))
    await checks.run("intents", in_thread(partial(services.intents, settings)))
    await checks.run("speech", partial(speech, settings), within_s=SPEECH_S)
    if room is not None:
        await examine_room(checks, settings, room, seconds=seconds)
    costs = hour_costs(settings.qwen_mm_model, services.model_url(settings))
    if report is not None:
        found = as_object(Examination(tuple(checks.findings), costs), with_details=False)
        await checks.run("report", in_thread(partial(_write, report, found)))
    return Examination(checks.findings, costs)


async def _unless_told_to_stop(
    work: Callable[[], Awaitable[Examination]],
) -> Examination | None:
    """None on SIGTERM, which would else end the process with its temporary files still there."""
    examination: Examination | None = None
    async with anyio.create_task_group() as tasks:
        if os.name == "posix":
            await tasks.start(_stop_on_signal, tasks.cancel_scope)
        examination = await work()
        tasks.cancel_scope.cancel()
    return examination


async def _stop_on_signal(
    work: anyio.CancelScope, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED
) -> None:
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        task_status.started()
        async for _ in signals:
            work.cancel()


def _write(path: Path, found: dict[str, object]) -> Outcome[None]:
    try:
        path.write_text(_json(found) + "\n", encoding="utf-8")
    except OSError as exc:
        raise ConfigError(
            f"cannot write {path}: {exc.strerror or type(exc).__name__}",
            remedy="choose another place with --report",
        ) from exc
    return Outcome(None, f"{path.absolute()}, without secrets and viewers, to attach to an issue")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def _print_anything() -> None:
    """A terminal without Chinese or without marks gets `?` for them, not a traceback."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
