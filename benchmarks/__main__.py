"""`python -m benchmarks`: the list of benchmarks; with a name, that one."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Mapping

import anyio

from benchmarks import comments, faults, path, recording, soak, speech
from benchmarks.benchmark import Benchmark
from benchmarks.report import Report

BENCHMARKS = {
    "path": path.BENCHMARK,
    "recording": recording.BENCHMARK,
    "faults": faults.BENCHMARK,
    "soak": soak.BENCHMARK,
    "comments": comments.BENCHMARK,
    "speech": speech.BENCHMARK,
}


def main() -> None:
    """Measure and print; the exit code says nothing about goals."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = parser.add_subparsers(dest="name", metavar="NAME")
    for name, benchmark in BENCHMARKS.items():
        one = names.add_parser(name, help=benchmark.summary, description=benchmark.summary)
        one.add_argument("--json", action="store_true", help="one JSON object instead of a table")
        benchmark.add_options(one)
    given = vars(parser.parse_args())
    name, as_json = given.pop("name"), given.pop("json", False)
    if name is None:
        sys.stdout.write(parser.format_help())
        return
    report = anyio.run(_measure, BENCHMARKS[name], given)
    if report is None:
        sys.exit("stopped before the end")
    text = json.dumps(report.as_json(), ensure_ascii=False, indent=1) if as_json else report.table()
    sys.stdout.write(text + "\n")


async def _measure(benchmark: Benchmark, given: Mapping[str, object]) -> Report | None:
    """None when it was stopped, by Ctrl-C or SIGTERM: the processes it started end first."""
    found: Report | None = None
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_on_signal, tasks.cancel_scope)
        found = await benchmark.measure(given)
        tasks.cancel_scope.cancel()
    return found


async def _stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()


if __name__ == "__main__":
    main()
