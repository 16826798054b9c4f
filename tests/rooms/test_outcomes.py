"""Each way a room can't be had has an error of its own, with words and a remedy for the user."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from contextlib import aclosing
from pathlib import Path

import pytest
from douyin_gateway import ENTER, HOME, Gateway

import hostcue
from hostcue import errors
from hostcue.errors import (
    AuthRequired,
    Blocked,
    HostcueError,
    NotStreaming,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.rooms.chain import Resolvers
from hostcue.rooms.douyin import DouyinResolver
from hostcue.sim.douyin import DouyinFace

PREPARING = '{"data": {"data": [{"status": 1}], "user": {"nickname": "小满"}}, "status_code": 0}'
TOO_OFTEN = '{"data": {"prompts": "操作过于频繁"}, "status_code": 10001}'
Act = Callable[[DouyinFace, Gateway], None]
SITUATIONS: Mapping[str, tuple[Act, type[HostcueError], str, str]] = {
    "nobody is live": (lambda f, _: f.go_offline(), RoomOffline, "not live", "monitor"),
    "no such room": (
        lambda _, g: g.refuse(ENTER, 200, '{"data": {"data": [], "prompts": "直播间不存在"}}'),
        RoomNotFound,
        "不存在",
        "check the link",
    ),
    "an empty answer": (lambda _, g: g.refuse(ENTER), Blocked, "risk control", "another network"),
    "status 444": (lambda _, g: g.refuse(ENTER, 444), Blocked, "444", "another network"),
    "status 403": (lambda _, g: g.refuse(ENTER, 403), Blocked, "403", "another network"),
    "a captcha": (
        lambda _, g: g.refuse(ENTER, 200, "<html>captcha</html>"),
        Blocked,
        "captcha",
        "another network",
    ),
    "no visitor id": (lambda _, g: g.refuse(HOME), Blocked, "ttwid", "another network"),
    "a login is asked for": (
        lambda _, g: g.refuse(ENTER, 200, '{"data": {"prompts": "请先登录"}, "status_code": 8}'),
        AuthRequired,
        "请先登录",
        "`cookie`",
    ),
    "status 429": (lambda _, g: g.refuse(ENTER, 429), RateLimited, "slow down", "fewer rooms"),
    "asked too often": (lambda _, g: g.refuse(ENTER, 200, TOO_OFTEN), RateLimited, "频繁", "wait"),
    "another shape": (
        lambda _, g: g.refuse(ENTER, 200, '{"data": {}}'),
        UpstreamChanged,
        "do not know",
        "update hostcue",
    ),
    "a page for data": (
        lambda _, g: g.refuse(ENTER, 200, "<html>hello</html>"),
        UpstreamChanged,
        "a page",
        "doctor",
    ),
    "a server's fault": (
        lambda _, g: g.refuse(ENTER, 503),
        TransportFailed,
        "503",
        "try again in some minutes",
    ),
    "not ready yet": (
        lambda _, g: g.refuse(ENTER, 200, PREPARING),
        NotStreaming,
        "being prepared",
        "half a minute",
    ),
}


@pytest.mark.parametrize("situation", SITUATIONS)
async def test_each_situation_has_its_error_words_and_remedy(situation: str) -> None:
    act, error, words, remedy = SITUATIONS[situation]
    async with (
        DouyinFace.open(flv_url="http://127.0.0.1:9/a.flv", script=()) as face,
        Gateway.open(face.web_url) as gateway,
        aclosing(DouyinWebs(Proxies(), base_url=gateway.url)) as webs,
    ):
        rooms = Resolvers([DouyinResolver(webs)], policy=AddressPolicy(allow_private=True))
        act(face, gateway)
        with pytest.raises(error) as caught:
            await rooms.resolve(face.link, "OD")
    assert type(caught.value) is error
    assert words in caught.value.message
    assert remedy in (caught.value.remedy or "")


async def test_nobody_at_the_address_has_its_words_too() -> None:
    async with aclosing(DouyinWebs(Proxies(), base_url="http://127.0.0.1:9")) as webs:
        with pytest.raises(TransportFailed, match="cannot reach") as caught:
            await DouyinResolver(webs).resolve("80017709309", "OD")
    assert "HTTP_PROXY" in (caught.value.remedy or "")


OURS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, HostcueError)
}


def made_errors() -> Iterator[tuple[str, ast.Call]]:
    """Every place in the folders that resolve rooms where one of our errors is made."""
    source = Path(hostcue.__file__).parent
    for folder in ("rooms", "platforms"):
        for file in sorted((source / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Call) and getattr(node.func, "id", "") in OURS:
                    yield f"{file.relative_to(source)}:{node.lineno}", node


def test_every_error_made_while_resolving_has_a_remedy() -> None:
    made = dict(made_errors())
    assert len(made) > 40
    without = [
        place for place, call in made.items() if not any(k.arg == "remedy" for k in call.keywords)
    ]
    assert without == []
    assert all(call.args for call in made.values())  # the words


def test_every_error_has_a_code_of_its_own() -> None:
    codes = [vars(errors)[name].code for name in OURS]
    assert len(codes) == len(set(codes))


def test_only_errors_that_may_pass_are_worth_another_try() -> None:
    assert NotStreaming("x").retryable
    assert TransportFailed("x").retryable
    assert RateLimited("x", retry_after_s=1).retryable
    assert not any(kind("x").retryable for kind in (Blocked, AuthRequired, UpstreamChanged))
