"""The Bilibili side of a pretend room: its web API and the push server."""

from hostcue.sim.bilibili.face import BilibiliFace

__all__ = ["BilibiliFace"]
