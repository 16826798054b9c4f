"""What a check found, and the runner that makes every check end in a finding."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

import anyio
import anyio.to_thread

from hostcue.cli.doctor.redaction import Concealer
from hostcue.errors import HostcueError

T = TypeVar("T")
Verdict = Literal["ok", "warn", "fail", "skipped"]


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What a check brought that did not fail; one with a remedy is a warning.

    `value` is for the checks that build on it. `facts` go into the report; `details` are shown to
    the operator only: they may hold what people wrote.
    """

    value: T
    found: str
    remedy: str = ""
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """The end of one check, without secrets."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""
    took_s: float = 0.0
    facts: Mapping[str, object] = field(default_factory=dict[str, object])
    details: tuple[str, ...] = ()


Step = Callable[[], Awaitable[Outcome[T]]]


class Checks:
    """Runs checks; `tell` hears of each as it ends."""

    def __init__(self, tell: Callable[[Finding], None]) -> None:
        self.findings: list[Finding] = []
        self.conceal = Concealer()
        self._tell = tell

    async def run(self, check: str, step: Step[T], *, within_s: float = 15.0) -> T | None:
        """The step's value, or None when it failed; whatever it raises becomes the finding."""
        began_s = anyio.current_time()
        value: T | None = None
        try:
            with anyio.fail_after(within_s):
                outcome = await step()
        except Exception as exc:  # noqa: BLE001 - a check that breaks must not end the others
            found, remedy = _failure(_innermost(exc), within_s)
            finding = Finding(check, "fail", found, remedy, anyio.current_time() - began_s)
        else:
            value = outcome.value
            finding = Finding(
                check,
                "warn" if outcome.remedy else "ok",
                outcome.found,
                outcome.remedy,
                anyio.current_time() - began_s,
                outcome.facts,
                outcome.details,
            )
        self._note(finding)
        return value

    def skip(self, checks: Iterable[str], why: str) -> None:
        """Say of these checks that they could not be made."""
        for check in checks:
            self._note(Finding(check, "skipped", why))

    def _note(self, finding: Finding) -> None:
        clean = Finding(
            finding.check,
            finding.verdict,
            self.conceal(finding.found),
            self.conceal(finding.remedy),
            round(finding.took_s, 2),
            {name: self.conceal.within(fact) for name, fact in finding.facts.items()},
            tuple(self.conceal(line) for line in finding.details),
        )
        self.findings.append(clean)
        self._tell(clean)


def in_thread(look: Callable[[], Outcome[T]]) -> Step[T]:
    """A step out of a function that blocks: it imports a library, or a disk may hang."""

    async def step() -> Outcome[T]:
        return await anyio.to_thread.run_sync(look, abandon_on_cancel=True)

    return step


def _innermost(exc: Exception) -> Exception:
    """The one error that a task group wrapped, if it is one."""
    while isinstance(exc, ExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return exc


def _failure(exc: Exception, within_s: float) -> tuple[str, str]:
    match exc:
        case HostcueError():
            field_name = f" [{exc.field}]" if exc.field and exc.field not in exc.message else ""
            return f"{exc.message}{field_name}", exc.remedy or ""
        case TimeoutError():
            return f"not done within {within_s:g} s", "try again; if it stays so, check the network"
        case _:
            return (
                f"internal error: {type(exc).__name__}",
                "this is a fault of hostcue: please open an issue and say what was checked",
            )
