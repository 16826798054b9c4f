"""The ways to the outside: platforms and models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import anyio
from pydantic import SecretStr

from hostcue.analysis import dashscope, qwen
from hostcue.analysis.dashscope import DashScopeWriter
from hostcue.analysis.qwen import QwenWriter
from hostcue.config import Settings
from hostcue.platforms.bilibili.web import LIVE_URL
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.ports import CommentSource, TipWriter
from hostcue.rooms import douyin_streamlink
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.direct import DirectResolver
from hostcue.rooms.douyin import DouyinResolver
from hostcue.rooms.douyin_streamget import StreamgetWay
from hostcue.rooms.douyin_streamlink import StreamlinkWay
from hostcue.rooms.streamget import StreamgetResolver
from hostcue.wiring.comments import open_comments


@dataclass(frozen=True, slots=True)
class Platforms:
    """The ways to the platforms: `comments` by platform key, as the same visitor as `resolvers`."""

    resolvers: Resolvers
    comments: Mapping[str, CommentSource]


@asynccontextmanager
async def open_platforms(
    settings: Settings, *, allow_files: bool = False
) -> AsyncIterator[Platforms]:
    """Resolvers and comments; `allow_files` takes local media too, for commands only."""
    async with (
        aclosing(_douyin(settings)) as douyin,
        open_comments(settings, douyin) as comments,
    ):
        yield Platforms(_resolvers(settings, douyin, allow_files=allow_files), comments)


@asynccontextmanager
async def open_writer(settings: Settings) -> AsyncIterator[TipWriter | None]:
    """The model's writer, or None without a key; its library is loaded with the first call."""
    key = secret(settings.dashscope_api_key)
    if key is None:
        yield None
        return
    writer: DashScopeWriter | QwenWriter
    if settings.qwen_protocol == "dashscope":
        writer = DashScopeWriter(
            api_key=key,
            model=settings.qwen_mm_model,
            base_url=settings.qwen_base_url or dashscope.BASE_URL,
            proxies=settings.proxies,
        )
    else:
        writer = QwenWriter(
            api_key=key,
            model=settings.qwen_mm_model,
            base_url=settings.qwen_base_url or qwen.BASE_URL,
            proxies=settings.proxies,
        )
    try:
        yield writer
    finally:
        with anyio.CancelScope(shield=True):
            await writer.aclose()


def _douyin(settings: Settings) -> DouyinWebs:
    streamlink = (StreamlinkWay(),) if douyin_streamlink.is_installed() else ()
    return DouyinWebs(
        settings.proxies,
        base_url=settings.douyin_web_url,
        cookie=secret(settings.douyin_cookie),
        policy=settings.address_policy,
        ways=(StreamgetWay(), *streamlink),
    )


def _resolvers(settings: Settings, douyin: DouyinWebs, *, allow_files: bool) -> Resolvers:
    """In the order in which they are asked whether a link is theirs."""
    return Resolvers(
        (
            DouyinResolver(douyin),
            DirectResolver(allow_files=allow_files),
            _streamget(settings),
        ),
        policy=settings.address_policy,
    )


def _streamget(settings: Settings) -> StreamgetResolver:
    cookie, ours = secret(settings.bilibili_cookie), settings.bilibili_web_url.rstrip("/")
    return StreamgetResolver(
        settings.proxies,
        policy=settings.address_policy,
        logins={"bilibili": cookie} if cookie else {},
        instead={LIVE_URL: ours} if ours else {},
    )


def secret(value: SecretStr | None) -> str | None:
    """The text inside, at the place that needs it."""
    return None if value is None else value.get_secret_value()
