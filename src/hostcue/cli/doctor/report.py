"""How findings are told: lines for the terminal, one object for programs and for an issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version

from hostcue.cli.doctor.costs import MBIT_PER_S, PRICES_OF, HourCosts
from hostcue.cli.doctor.finding import Finding, Verdict

_MARKS: dict[Verdict, str] = {"ok": "✓", "warn": "!", "fail": "✗", "skipped": "–"}
_VERDICT_WIDTH, _CHECK_WIDTH = 7, 9
_INDENT = " " * (2 + _VERDICT_WIDTH + 2 + _CHECK_WIDTH + 2)
_WORTH_TELLING_S = 0.1


@dataclass(frozen=True, slots=True)
class Examination:
    """All that one run of doctor found; `costs` is None when the settings can't be read."""

    findings: Sequence[Finding]
    costs: HourCosts | None

    @property
    def failed(self) -> bool:
        """Whether anything has to be mended."""
        return any(finding.verdict == "fail" for finding in self.findings)


def lines(finding: Finding) -> list[str]:
    """One line for what was found, then what belongs to it."""
    took = f" ({finding.took_s:.1f} s)" if finding.took_s >= _WORTH_TELLING_S else ""
    head = f"{_MARKS[finding.verdict]} {finding.verdict:<{_VERDICT_WIDTH}}"
    return [
        f"{head}  {finding.check:<{_CHECK_WIDTH}}  {finding.found}{took}",
        *(f"{_INDENT}{detail}" for detail in finding.details),
        *([f"{_INDENT}→ {finding.remedy}"] if finding.remedy else []),
    ]


def closing(examination: Examination) -> list[str]:
    """The costs, and how many checks did not go well."""
    count = {
        verdict: sum(finding.verdict == verdict for finding in examination.findings)
        for verdict in _MARKS
    }
    told = [f"{number} {verdict}" for verdict, number in count.items() if number]
    return [*_costs(examination.costs), "", ", ".join(told)]


def _costs(costs: HourCosts | None) -> list[str]:
    if costs is None:
        return []
    money = (
        f"unknown: no price known for {costs.model} at this address"
        if costs.money is None
        else f"about {costs.money.amount:.2g} {costs.money.currency} with {costs.model}, "
        f"analysed every 5 minutes (list prices of {PRICES_OF})"
    )
    return [
        "",
        "An hour of one room costs",
        f"  disk   {costs.disk_gb:.1f} GB at {MBIT_PER_S} Mbit/s",
        f"  CPU    about {costs.cpu_percent:g} % of one core",
        f"  money  {money}",
    ]


def as_object(examination: Examination, *, with_details: bool) -> dict[str, object]:
    """Everything as JSON; details, which may hold what people wrote, on request only."""
    return {
        "hostcue": version("hostcue"),
        "at": f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z}",
        "failed": examination.failed,
        "checks": [_check(finding, with_details) for finding in examination.findings],
        "hour_of_one_room": _costs_object(examination.costs),
    }


def _check(finding: Finding, with_details: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "check": finding.check,
        "verdict": finding.verdict,
        "found": finding.found,
        "remedy": finding.remedy,
        "took_s": finding.took_s,
        "facts": dict(finding.facts),
    }
    return told | {"details": list(finding.details)} if with_details else told


def _costs_object(costs: HourCosts | None) -> dict[str, object] | None:
    if costs is None:
        return None
    money = costs.money
    return {
        "disk_gb": round(costs.disk_gb, 2),
        "mbit_per_s": MBIT_PER_S,
        "cpu_percent_of_a_core": costs.cpu_percent,
        "model": costs.model,
        "money": "unknown"
        if money is None
        else {"amount": money.amount, "currency": money.currency, "prices_of": PRICES_OF},
    }
