"""What a benchmark found: the common JSON format, and a table for people."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Peer:
    """Another program on the same input in the same run."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Result:
    """One figure; `at` says under which circumstances, `goal` is None where none is set.

    It is shown, and held against its goal, with so many `digits` behind the point.
    """

    metric: str
    value: float
    unit: str
    at: Mapping[str, str | int] = field(default_factory=dict)
    goal: float | None = None
    better: Literal["lower", "higher"] = "lower"
    peer: Peer | None = None
    digits: int = 2

    @property
    def ok(self) -> bool | None:
        """Whether the goal is met; a missed one is a finding, not a failure."""
        if self.goal is None:
            return None
        value = round(self.value, self.digits)  # as it is shown
        return value <= self.goal if self.better == "lower" else value >= self.goal

    def as_json(self) -> Json:
        """As in `results`."""
        found: Json = {
            "metric": self.metric,
            "at": dict(self.at),
            "value": round(self.value, self.digits),
            "unit": self.unit,
            "better": self.better,
            "goal": self.goal,
            "ok": self.ok,
        }
        if self.peer is not None:
            found["peer"] = {"name": self.peer.name, "value": round(self.peer.value, self.digits)}
        return found


@dataclass(frozen=True, slots=True)
class Report:
    """All figures of one benchmark on this machine, today."""

    name: str
    options: Mapping[str, object]
    results: Sequence[Result]

    def as_json(self) -> Json:
        """The common format of `CONVENTIONS.md`."""
        return {
            "name": self.name,
            "date": date.today().isoformat(),  # noqa: DTZ011 - the reader's own day
            "machine": {"cpu": cpu_name(), "cores": os.cpu_count()},
            "options": dict(self.options),
            "results": [result.as_json() for result in self.results],
        }

    def table(self) -> str:
        """The figures for people."""
        rows = [("metric", "at", "value", "goal", "", "peer"), *map(_row, self.results)]
        return "\n".join([f"{self.name} on {cpu_name()}, {os.cpu_count()} cores", "", *_grid(rows)])


def _row(result: Result) -> tuple[str, ...]:
    verdict = {True: "met", False: "MISSED", None: ""}[result.ok]
    goal = (
        ""
        if result.goal is None
        else f"{'<=' if result.better == 'lower' else '>='} {result.goal:g}"
    )
    peer = (
        "" if result.peer is None else f"{result.peer.value:.{result.digits}f} {result.peer.name}"
    )
    at = ", ".join(f"{key} {value}" for key, value in result.at.items())
    return result.metric, at, f"{result.value:.{result.digits}f} {result.unit}", goal, verdict, peer


def _grid(rows: Sequence[tuple[str, ...]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield "  ".join(cells).rstrip()


def cpu_name() -> str:
    """The processor, as Linux calls it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
