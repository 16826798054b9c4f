"""hostcue (场边提词): what a live-commerce host could say next, with the evidence for it.

Importing this package costs nothing: `hostcue.mount` loads the service on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hostcue.web.mount import mount

__all__ = ["mount"]


def __getattr__(name: str) -> object:
    if name == "mount":
        from hostcue.web.mount import mount

        return mount
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
