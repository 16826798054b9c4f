from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hostcue.comments.douyin.chain import Chain, Ending
from hostcue.comments.douyin.ways import Connection, Visit
from hostcue.errors import (
    AuthRequired,
    Blocked,
    BrowserMissing,
    RateLimited,
    SignatureRefused,
    SignerFailed,
    TransportFailed,
    UpstreamChanged,
)
from hostcue.model.comment import Way


class Nowhere:
    """A way that nobody takes."""

    def __init__(self, name: Way) -> None:
        self.name: Way = name

    @asynccontextmanager
    async def open(self, visit: Visit) -> AsyncIterator[Connection]:
        raise AssertionError(visit)
        yield


def chain(*, opened: bool = True, heard: bool = True) -> Chain:
    made = Chain([Nowhere("websocket"), Nowhere("polling"), Nowhere("browser")])
    if opened:
        made.opened(made.way)
    if heard:
        made.heard()
    return made


REFUSALS = {
    "risk control": Blocked("captcha"),
    "login": AuthRequired("log in"),
    "rate": RateLimited("too often", retry_after_s=5),
    "signer": SignerFailed("no signature"),
    "changed": UpstreamChanged("another answer"),
    "browser": BrowserMissing("no browser"),
}


def test_a_refused_signature_is_answered_by_a_new_identity_once_then_by_the_next_way() -> None:
    ways = chain()
    assert ways.after(Ending.of(SignatureRefused("no"))) == "renew"
    assert ways.after(Ending.of(SignatureRefused("no"))) == "next"
    assert ways.way.name == "polling"


def test_when_messages_come_a_later_refusal_is_a_new_one() -> None:
    ways = chain()
    ways.after(Ending.of(SignatureRefused("no")))
    ways.heard()
    assert ways.after(Ending.of(SignatureRefused("no"))) == "renew"


@pytest.mark.parametrize("refusal", REFUSALS)
def test_any_other_refusal_is_answered_by_the_next_way_at_once(refusal: str) -> None:
    ways = chain()
    assert ways.after(Ending.of(REFUSALS[refusal])) == "next"
    assert ways.way.name == "polling"


@pytest.mark.parametrize("cause", ["stalled", "upstream_changed"])
def test_silence_is_answered_by_a_reconnect_and_twice_in_a_row_by_the_next_way(cause: str) -> None:
    ways = chain()
    assert ways.after(Ending(cause)) == "again"
    assert ways.after(Ending(cause)) == "next"


def test_a_lost_connection_is_replaced_and_three_in_a_row_are_given_up() -> None:
    ways = chain()
    steps = [ways.after(Ending.of(TransportFailed("reset"))) for _ in range(3)]
    assert steps == ["again", "again", "next"]


def test_losses_with_messages_between_them_do_not_add_up() -> None:
    ways = chain()
    for _ in range(10):
        assert ways.after(Ending("connection_lost")) == "again"
        ways.heard()


def test_a_way_that_cannot_be_reached_at_first_is_not_waited_for() -> None:
    ways = chain(opened=False, heard=False)
    assert ways.after(Ending.of(TransportFailed("no route"))) == "next"


def test_when_all_ways_refuse_the_reason_is_that_of_the_one_liked_best() -> None:
    ways = chain()
    ways.after(Ending.of(SignatureRefused("no")))
    ways.after(Ending.of(SignatureRefused("no")))
    ways.after(Ending.of(Blocked("captcha")))
    with pytest.raises(SignatureRefused):
        ways.after(Ending.of(AuthRequired("log in")))
    assert ways.way.name == "websocket"


def test_a_refusal_says_more_than_a_browser_that_is_missing() -> None:
    ways = chain(opened=False)
    ways.after(Ending.of(TransportFailed("no route")))
    ways.after(Ending.of(Blocked("captcha")))
    with pytest.raises(Blocked):
        ways.after(Ending.of(BrowserMissing("no browser")))


def test_where_nothing_was_ever_reached_the_first_failure_is_told() -> None:
    ways = chain(opened=False, heard=False)
    ways.after(Ending.of(TransportFailed("first")))
    ways.after(Ending.of(TransportFailed("second")))
    with pytest.raises(TransportFailed, match="first"):
        ways.after(Ending.of(TransportFailed("third")))


def test_a_network_that_is_away_for_long_is_waited_for() -> None:
    ways = chain()
    for _ in range(50):
        assert ways.after(Ending.of(TransportFailed("no route"))) in {"again", "next"}


def test_a_way_that_speaks_leaves_the_others_to_be_tried_afresh() -> None:
    ways = chain()
    ways.after(Ending.of(Blocked("captcha")))
    ways.opened(ways.way)
    ways.heard()
    assert [way.name for way in ways.better] == ["websocket"]
    assert ways.after(Ending.of(Blocked("captcha"))) == "next"
    assert ways.way.name == "websocket"


def test_the_better_way_that_speaks_is_the_way() -> None:
    ways = chain()
    first = ways.way
    ways.after(Ending.of(Blocked("captcha")))
    ways.opened(first)
    assert ways.way is first
    assert ways.better == ()
