"""The Douyin side of a pretend room: web pages, `enter`, `fetch` and the push server."""

from hostcue.sim.douyin.face import DouyinFace

__all__ = ["DouyinFace"]
