"""The composition root: settings become a running service."""

from __future__ import annotations

from hostcue.wiring.outside import Platforms, open_platforms, open_writer
from hostcue.wiring.service import (
    PARTS,
    Opener,
    Part,
    Service,
    open_from_environment,
    open_service,
)

__all__ = [
    "PARTS",
    "Opener",
    "Part",
    "Platforms",
    "Service",
    "open_from_environment",
    "open_platforms",
    "open_service",
    "open_writer",
]
