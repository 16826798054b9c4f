"""`python -m hostcue` is the `hostcue` command."""

from __future__ import annotations

from hostcue.cli import main

main()
