"""What every benchmark is to the command line."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from benchmarks.report import Report


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One module's measurement; `measure` gets what was chosen of its own options."""

    summary: str
    add_options: Callable[[argparse.ArgumentParser], None]
    measure: Callable[[Mapping[str, object]], Awaitable[Report]]


def progress(text: str) -> None:
    """Say what is going on; the result alone goes to standard output."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
