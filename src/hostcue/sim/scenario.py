"""A scenario: what happens to pretend rooms, and when; a file of commands with their times.

Each line is seconds after the begin and a command of `hostcue.sim.commands`; `#` begins a comment,
and `seed` a line of its own that says from which seed all chance comes:

    seed 7
    0     comments.rates chat=20 like=40 enter=60
    30    comments.burst n=500
    30.5  comments.stall
    75    comments.stall on=false
    90    comments.drop_line code=1013
    120   end
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Self

import anyio

from hostcue.sim.commands import Commands

_PACKAGED = files("hostcue.sim") / "scenarios"


@dataclass(frozen=True, slots=True)
class Step:
    """`command`, so long after the begin; `line` is where it stands in the file."""

    at_s: float
    command: str
    line: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """The steps in their order, and the seed of what comes by chance meanwhile."""

    steps: tuple[Step, ...]
    seed: int = 7

    @classmethod
    def read(cls, name: str) -> Self:
        """A file, or one of those that come with the simulator by its name.

        Raises:
            FileNotFoundError: there is no such file, and no such name.
            ValueError: a line that is none, with its number.
        """
        packaged = _PACKAGED / f"{name}.txt"
        found = packaged if name.isidentifier() and packaged.is_file() else Path(name)
        return cls.parse(found.read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """The text of a file.

        Raises:
            ValueError: a line that is none, with its number.
        """
        steps: list[Step] = []
        seed = 7
        for number, line in enumerate(text.splitlines(), start=1):
            when, _, command = line.partition("#")[0].strip().partition(" ")
            try:
                if when == "seed":
                    seed = int(command)
                elif when:
                    steps.append(_step(float(when), command.strip(), number, steps))
            except ValueError as exc:
                raise ValueError(f"line {number}: {exc}") from None
        return cls(tuple(steps), seed)

    def check(self, commands: Commands) -> None:
        """Look at every step before the first is done.

        Raises:
            ValueError: a step that no room knows, with its line.
        """
        for step in self.steps:
            try:
                commands.check(step.command)
            except (LookupError, ValueError) as exc:
                raise ValueError(f"line {step.line}: {exc}") from None

    async def play(self, commands: Commands) -> None:
        """Do all steps at their times; what goes wrong is said on standard error."""
        began_s = anyio.current_time()
        for step in self.steps:
            await anyio.sleep_until(began_s + step.at_s)
            answer = await commands.obey(step.command)
            if '"ok": true' not in answer:
                sys.stderr.write(f"line {step.line}: {answer}\n")
                sys.stderr.flush()


def _step(at_s: float, command: str, line: int, before: list[Step]) -> Step:
    if not command:
        raise ValueError("a time without a command")
    if at_s < (before[-1].at_s if before else 0):
        raise ValueError("earlier than the line before")
    return Step(at_s, command, line)
