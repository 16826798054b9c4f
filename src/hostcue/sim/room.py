"""A whole pretend room: stream, audience and model together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Literal, Self

from hostcue.sim.douyin import DouyinFace, DouyinHost
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip
from hostcue.sim.qwen import QwenStandIn


class PretendRoom:
    """A Douyin room on loopback that is live now; faults are methods of its three parts."""

    def __init__(self, flv: LiveFlv, douyin: DouyinFace, model: QwenStandIn | None) -> None:
        self.flv = flv
        self.douyin = douyin
        self.link = douyin.link
        self._model = model

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        live_id: str = "80017709309",
        anchor_name: str = "小满的鞋铺",
        pace: float = 1.0,
        clip: Clip | None = None,
        with_model: bool = True,
        host: DouyinHost | None = None,
        seed: int = 7,
    ) -> AsyncIterator[Self]:
        """Go live until the context ends.

        `pace` is how fast the audience's script runs, and `seed` makes it; with a `host` the room
        is beside those that are there.
        """
        async with AsyncExitStack() as stack:
            flv = await stack.enter_async_context(LiveFlv.open(clip))
            douyin = await stack.enter_async_context(
                DouyinFace.open(
                    flv_url=flv.url,
                    live_id=live_id,
                    anchor_name=anchor_name,
                    pace=pace,
                    seed=seed,
                    sign=flv.sign,
                    host=host,
                )
            )
            model = await stack.enter_async_context(QwenStandIn.open()) if with_model else None
            yield cls(flv, douyin, model)

    @property
    def model(self) -> QwenStandIn:
        """The model's stand-in.

        Raises:
            LookupError: the room was opened without one.
        """
        if self._model is None:
            raise LookupError("this room was opened with with_model=False")
        return self._model

    def environment(self) -> dict[str, str]:
        """The settings with which hostcue takes this room for the real thing."""
        room = {
            "HOSTCUE_DOUYIN_WEB_URL": self.douyin.web_url,
            "HOSTCUE_DOUYIN_PUSH_URL": self.douyin.push_url,
            "HOSTCUE_DOUYIN_CONNECT_GAP_S": "0",
            "HOSTCUE_DOUYIN_COMMENTS": "websocket,polling",  # a demo starts no browser
            "HOSTCUE_ALLOW_PRIVATE_URLS": "true",
        }
        if self._model is None:
            return room
        return room | {
            "HOSTCUE_QWEN_BASE_URL": self._model.openai_url,
            "DASHSCOPE_API_KEY": "sk-sim",
            "QWEN_MM_MODEL": "sim",
        }

    def drop_line(self, how: Literal["eof", "reset"] = "eof") -> None:
        """Cut the stream and the comments at once, as when the network goes away."""
        self.flv.drop_line(how)
        self.douyin.drop_line()

    def end(self) -> None:
        """The host ends the broadcast: the end message, offline, and the stream is gone."""
        self.douyin.end()
        self.flv.refuse(404)
        self.flv.drop_line()

    def begin(self) -> None:
        """The host goes live again: another broadcast, and the stream is there."""
        self.flv.refuse(None)
        self.douyin.go_live()
