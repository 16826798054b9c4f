"""The Douyin side of a pretend room: web pages, `enter`, `fetch` and the push server."""

from hostcue.sim.douyin.face import DouyinFace
from hostcue.sim.douyin.host import DouyinHost

__all__ = ["DouyinFace", "DouyinHost"]
