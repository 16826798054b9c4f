"""The `hostcue` command."""

from __future__ import annotations


def main() -> None:
    """Entry point of the console script; loads typer and the rest only when it is called."""
    from hostcue.cli.commands import run

    run()
