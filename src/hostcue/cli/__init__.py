"""The `hostcue` command."""

from __future__ import annotations

import os
import signal
from types import FrameType

_INTERRUPTED = 130


def main() -> None:
    """Entry point of the console script; loads typer and the rest only when it is called."""
    ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # not with nohup
    if ours:
        signal.signal(signal.SIGINT, _leave)
    from hostcue.cli.commands import run

    if ours:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _leave(_: int, __: FrameType | None) -> None:
    """Ctrl-C while modules load: there is nothing to close yet, and nobody wants a traceback."""
    os._exit(_INTERRUPTED)
