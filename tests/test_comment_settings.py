from __future__ import annotations

import pytest

from hostcue.config import Settings
from hostcue.errors import ConfigError
from hostcue.wiring.comments import douyin_ways


def ways(value: str) -> tuple[str, ...]:
    return Settings.only({"HOSTCUE_DOUYIN_COMMENTS": value}).douyin_ways


def test_ways_are_tried_in_the_order_in_which_they_are_named() -> None:
    assert ways(" polling, websocket ") == ("polling", "websocket")
    settings = Settings.only({"HOSTCUE_DOUYIN_COMMENTS": "polling,websocket"})
    assert [way.name for way in douyin_ways(settings)] == ["polling", "websocket"]


def test_by_default_the_socket_comes_before_polling() -> None:
    names = [way.name for way in douyin_ways(Settings.only({}))]
    assert names[:2] == ["websocket", "polling"]


@pytest.mark.parametrize("value", ["websockets", "polling,polling", "auto,polling", ","])
def test_ways_that_there_are_not_are_named(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOSTCUE_DOUYIN_COMMENTS", value)
    with pytest.raises(ConfigError) as refusal:
        Settings.load()
    assert refusal.value.field == "HOSTCUE_DOUYIN_COMMENTS"


def test_a_signer_that_is_no_address_ends_the_start() -> None:
    settings = Settings.only({"HOSTCUE_DOUYIN_SIGNER_URL": "signer:80"})
    with pytest.raises(ConfigError) as refusal:
        douyin_ways(settings)
    assert refusal.value.field == "HOSTCUE_DOUYIN_SIGNER_URL"
