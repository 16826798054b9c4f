"""The ways to the outside: platforms and models."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from httpx2 import AsyncClient
from pydantic import SecretStr

from hostcue.analysis import dashscope, qwen
from hostcue.analysis.dashscope import DashScopeWriter
from hostcue.analysis.qwen import QwenWriter
from hostcue.comments.douyin.client import DouyinComments
from hostcue.config import Settings
from hostcue.platforms.douyin.web import DouyinWeb
from hostcue.platforms.http import open_http
from hostcue.ports import CommentSource, TipWriter
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.direct import DirectResolver
from hostcue.rooms.douyin import DouyinResolver
from hostcue.rooms.streamget import StreamgetResolver


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
    async with open_http(settings.proxies) as http:
        douyin = _douyin(settings, http)
        yield Platforms(
            _resolvers(settings, douyin, allow_files=allow_files),
            _comment_sources(settings, douyin),
        )


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


def _douyin(settings: Settings, http: AsyncClient) -> DouyinWeb:
    return DouyinWeb(
        http,
        base_url=settings.douyin_web_url,
        cookie=secret(settings.douyin_cookie),
        policy=settings.address_policy,
    )


def _comment_sources(settings: Settings, douyin: DouyinWeb) -> dict[str, CommentSource]:
    return {
        "douyin": DouyinComments(
            douyin, push_url=settings.douyin_push_url, proxies=settings.proxies
        )
    }


def _resolvers(settings: Settings, douyin: DouyinWeb, *, allow_files: bool) -> Resolvers:
    """In the order in which they are asked whether a link is theirs."""
    return Resolvers(
        (
            DouyinResolver(douyin),
            DirectResolver(allow_files=allow_files),
            StreamgetResolver(settings.proxies, policy=settings.address_policy),
        ),
        policy=settings.address_policy,
    )


def secret(value: SecretStr | None) -> str | None:
    """The text inside, at the place that needs it."""
    return None if value is None else value.get_secret_value()
