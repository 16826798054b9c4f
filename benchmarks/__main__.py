"""`python -m benchmarks`: the list of benchmarks; with a name, that one."""

from __future__ import annotations

import argparse
import json
import sys

import anyio

from benchmarks import path

BENCHMARKS = {"path": path.BENCHMARK}


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
    report = anyio.run(BENCHMARKS[name].measure, given)
    text = json.dumps(report.as_json(), ensure_ascii=False, indent=1) if as_json else report.table()
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()
