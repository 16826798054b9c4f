"""Options of a benchmark: the fields of a dataclass, with a quick set of values."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Options = TypeVar("Options", bound="DataclassInstance")


def adds(
    defaults: DataclassInstance, told: Mapping[str, str], quickly: str
) -> Callable[[argparse.ArgumentParser], None]:
    """Adds `--quick`, and an option for each field: numbers above 0, or several with commas."""

    def add(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--quick", action="store_true", help=f"less of everything, {quickly}")
        for name, default in asdict(defaults).items():
            shown = ",".join(map(str, default)) if isinstance(default, tuple) else default
            parser.add_argument(
                f"--{name.replace('_', '-')}",
                type=_several if isinstance(default, tuple) else _above_0(type(default)),
                metavar="N,N" if isinstance(default, tuple) else "N",
                help=f"{told[name]} ({shown})",
            )

    return add


def chosen(given: Mapping[str, object], defaults: Options, quick: Options) -> Options:
    """What was given, and the rest from one of the sets."""
    base = quick if given["quick"] else defaults
    told = {key: given[key] for key in asdict(base) if given.get(key) is not None}
    return replace(base, **told)


def _above_0(kind: Callable[[str], float]) -> Callable[[str], float]:
    def number(text: str) -> float:
        if (value := kind(text)) <= 0:
            raise argparse.ArgumentTypeError("must be above 0")
        return value

    return number


def _several(text: str) -> tuple[int, ...]:
    return tuple(cast("int", _above_0(int)(part)) for part in text.split(","))
