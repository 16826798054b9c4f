"""Where comments come from, how their writers are veiled, and what reads them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from pydantic import SecretStr

from hostcue.comments.bilibili.client import BilibiliComments
from hostcue.comments.digest import digest
from hostcue.comments.douyin.browser import BrowserWay
from hostcue.comments.douyin.browser_program import extra_installed, find_browser
from hostcue.comments.douyin.capture import SUFFIX, Captures
from hostcue.comments.douyin.chromium import Chromium
from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.polling import PollingWay
from hostcue.comments.douyin.signer import OwnSigner, Signer, SignerService
from hostcue.comments.douyin.wall import Screenshots
from hostcue.comments.douyin.ways import CommentWay
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.comments.ingest import IngestSource
from hostcue.comments.intents import read_intents
from hostcue.comments.pseudonyms import Pseudonyms
from hostcue.comments.relay import RelaySource
from hostcue.comments.relay_fields import RelayFields
from hostcue.comments.replay import PLATFORM as REPLAY
from hostcue.comments.replay import Fixtures, ReplaySource
from hostcue.config import Settings
from hostcue.errors import ConfigError, NotFound
from hostcue.pipeline.digests import Digests
from hostcue.platforms.bilibili.webs import BilibiliWebs
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.ports import CommentSource
from hostcue.storage.comments import Comments
from hostcue.storage.gaps import Gaps
from hostcue.storage.vault import Vault

_ELSEWHERE = ("douyin", "bilibili")
"""Platforms whose comments somebody else can have for us."""


@asynccontextmanager
async def open_comments(
    settings: Settings, douyin: DouyinWebs
) -> AsyncIterator[Mapping[str, CommentSource]]:
    """The sources by platform key; what they hold open is closed with the context."""
    sources: dict[str, CommentSource] = {
        REPLAY: ReplaySource(fixtures(settings), speed=settings.replay_speed)
    }
    elsewhere = source_elsewhere(settings)
    if elsewhere is None:
        sources["douyin"] = _douyin(settings, douyin)
        sources["bilibili"] = _bilibili(settings)
    else:
        sources |= dict.fromkeys(_ELSEWHERE, elsewhere)
    yield sources


def source_elsewhere(settings: Settings) -> CommentSource | None:
    """Who has the comments for us; None where the platforms are asked themselves.

    Raises:
        ConfigError: what the settings say of it cannot be used.
    """
    match settings.comment_source:
        case "auto":
            return None
        case "relay":
            return _relay(settings)
        case "ingest":
            return IngestSource()
        case "replay":
            return _replay(settings)


def fixtures(settings: Settings) -> Fixtures:
    """What can be played instead of a room."""
    return Fixtures(_captures_folder(settings))


def pseudonyms_of(settings: Settings, vault: Vault) -> Pseudonyms:
    """What veils viewers, with a key that follows from the vault's."""
    key, *older = vault.derived("viewers")
    return Pseudonyms(key, raw_names=settings.raw_viewer_names, older=older)


def digests_of(settings: Settings, comments: Comments, gaps: Gaps) -> Digests:
    """What condenses windows, by the intents of the settings.

    Raises:
        ConfigError: the file of intents is not one.
    """
    file = settings.intents_file
    intents = None if file is None else read_intents(file)
    return Digests(comments, gaps, partial(digest, intents=intents))


def _douyin(settings: Settings, webs: DouyinWebs) -> DouyinComments:
    return DouyinComments(
        webs,
        douyin_ways(settings),
        places=Places(
            rooms=settings.douyin_rooms_per_identity, gap_s=settings.douyin_connect_gap_s
        ),
        captures=Captures(_captures_folder(settings)) if settings.capture_frames else None,
    )


def _bilibili(settings: Settings) -> BilibiliComments:
    webs = BilibiliWebs(
        settings.proxies,
        base_url=settings.bilibili_web_url,
        cookie=_text(settings.bilibili_cookie),
    )
    return BilibiliComments(webs, push_urls=settings.bilibili_push_urls)


def douyin_ways(settings: Settings) -> tuple[CommentWay, ...]:
    """The ways to Douyin's comments, the one that is tried first first.

    Raises:
        ConfigError: one of those in the settings cannot be used here.
    """
    installed: dict[str, CommentWay] = {
        "websocket": WebsocketWay(_signer(settings), push_url=settings.douyin_push_url),
        "polling": PollingWay(),
    }
    if extra_installed():
        installed["browser"] = _browser_way(settings)
    usable = [name for name in installed if name != "browser" or _has_browser(settings)]
    wanted = settings.douyin_ways or tuple(usable)
    if missing := [name for name in wanted if name not in installed]:
        raise ConfigError(
            f"comments cannot come by {missing[0]} here",
            field="HOSTCUE_DOUYIN_COMMENTS",
            remedy="install the extra `browser`, or leave it out",
        )
    return tuple(installed[name] for name in wanted)


def _has_browser(settings: Settings) -> bool:
    try:
        return bool(settings.browser_cdp_url or find_browser(settings.browser_path))
    except ConfigError:
        return False


def _browser_way(settings: Settings) -> BrowserWay:
    folder = settings.data_dir / "browser"
    chromium = Chromium(
        folder,
        path=settings.browser_path,
        proxies=settings.proxies,
        cdp_url=_text(settings.browser_cdp_url),
    )
    return BrowserWay(chromium, Screenshots(folder / "screenshots"))


def _relay(settings: Settings) -> RelaySource:
    return RelaySource(
        _text(settings.relay_url),
        token=_text(settings.relay_token),
        fields=RelayFields.parse(settings.relay_fields),
        proxies=settings.proxies,
        policy=settings.address_policy,
    )


def _replay(settings: Settings) -> ReplaySource:
    known, file = fixtures(settings), Path(settings.replay_file)
    try:
        if file.suffix not in {SUFFIX, ".jsonl"} or not file.is_file():
            file = known.path(settings.replay_file)
    except NotFound:
        raise ConfigError(
            "there is no such file to replay",
            field="HOSTCUE_REPLAY_FILE",
            remedy=f"write the path of a {SUFFIX} or .jsonl file, or one of "
            + ", ".join(known.names()),
        ) from None
    return ReplaySource(known, file=file, speed=settings.replay_speed)


def _captures_folder(settings: Settings) -> Path:
    return settings.data_dir / "captures"


def _signer(settings: Settings) -> Signer:
    if settings.douyin_signer_url is None:
        return OwnSigner()
    return SignerService(settings.douyin_signer_url.get_secret_value(), proxies=settings.proxies)


def _text(value: SecretStr | None) -> str:
    return "" if value is None else value.get_secret_value()
