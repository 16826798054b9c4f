"""When a platform is not asked."""

from __future__ import annotations

import gc
import weakref
from itertools import pairwise

import anyio
import anyio.lowlevel
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from hostcue.errors import (
    AuthRequired,
    BadRequest,
    Blocked,
    HostcueError,
    NotStreaming,
    RateLimited,
    RoomNotFound,
    RoomOffline,
    TransportFailed,
    UpstreamChanged,
    UpstreamError,
)
from hostcue.model.room import Access
from hostcue.platforms.breaker import Breaker
from hostcue.platforms.budget import Budget, patiently
from hostcue.platforms.gates import Gates

FAILURES = (TransportFailed("x"), UpstreamChanged("x"))
REFUSALS = (Blocked("x", remedy="wait"), RateLimited("x", retry_after_s=7, remedy="wait"))


def wait_of(breaker: Breaker, now_s: float) -> float:
    """For how long it says that nobody asks."""
    try:
        breaker.check("Douyin", now_s)
    except UpstreamError as exc:
        return exc.retry_after_s or -1.0  # it has to say
    return 0.0


@pytest.mark.parametrize("cause", REFUSALS)
def test_a_refusal_opens_at_once_and_says_until_when(cause: UpstreamError) -> None:
    breaker = Breaker()
    assert breaker.failed(cause, 1000.0, trying=False)
    with pytest.raises(type(cause), match="asked again in 2 min 30 s") as caught:
        breaker.check("Douyin", 1030.0)
    assert caught.value.retry_after_s == 150
    assert caught.value.remedy == "wait"


@pytest.mark.parametrize("cause", FAILURES)
def test_the_third_failure_in_a_row_opens(cause: UpstreamError) -> None:
    breaker = Breaker()
    assert [breaker.failed(cause, 0, trying=False) for _ in range(3)] == [False, False, True]
    with pytest.raises(type(cause)):
        breaker.check("Douyin", 0)


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = Breaker()
    for _ in range(5):
        for _ in range(2):
            assert not breaker.failed(TransportFailed("x"), 0, trying=False)
        breaker.succeeded(trying=False)
    assert breaker.at_rest


def test_each_opening_lasts_longer_up_to_a_limit() -> None:
    breaker, now_s, waits = Breaker(), 0.0, list[float]()
    for _ in range(9):
        trying = breaker.admit("Douyin", now_s)
        breaker.failed(Blocked("x"), now_s, trying=trying)
        waits.append(wait_of(breaker, now_s))
        now_s += waits[-1]
    assert waits[:4] == [180, 270, 405, 607.5]
    assert waits[-1] == 1800
    assert all(after == min(before * 1.5, 1800) for before, after in pairwise(waits))


def test_half_open_one_try_is_let_through() -> None:
    breaker = Breaker()
    breaker.failed(Blocked("x"), 0, trying=False)
    assert breaker.admit("Douyin", 180)
    with pytest.raises(Blocked):
        breaker.admit("Douyin", 180)
    breaker.succeeded(trying=True)
    assert not breaker.admit("Douyin", 180)
    assert breaker.at_rest


def test_a_try_that_was_given_up_is_left_to_the_next() -> None:
    breaker = Breaker()
    breaker.failed(Blocked("x"), 0, trying=False)
    assert breaker.admit("Douyin", 180)
    breaker.let_go(trying=True)
    assert breaker.admit("Douyin", 180)


def test_what_was_asked_before_it_opened_changes_nothing() -> None:
    breaker = Breaker()
    breaker.failed(Blocked("x"), 0, trying=False)
    breaker.failed(Blocked("x"), 1, trying=False)
    breaker.succeeded(trying=False)
    assert wait_of(breaker, 0) == 180


def test_a_network_that_was_gone_for_long_is_not_waited_for_once_it_is_back() -> None:
    breaker, now_s = Breaker(), 0.0
    for _ in range(3):
        breaker.failed(TransportFailed("x"), now_s, trying=False)
    for _ in range(200):  # an hour and more without a network
        now_s += wait_of(breaker, now_s)
        breaker.failed(TransportFailed("x"), now_s, trying=breaker.admit("Douyin", now_s))
    assert now_s > 3600
    assert wait_of(breaker, now_s) == 30
    breaker.failed(Blocked("x"), now_s + 30, trying=breaker.admit("Douyin", now_s + 30))
    assert wait_of(breaker, now_s + 30) == 180


def test_a_platform_that_asks_for_more_time_gets_it_within_limits() -> None:
    for asked_s, given_s in ((600.0, 600.0), (1e9, 1800.0)):
        breaker = Breaker()
        breaker.failed(RateLimited("x", retry_after_s=asked_s), 0, trying=False)
        assert wait_of(breaker, 0) == given_s


def test_one_room_that_is_not_understood_counts_once() -> None:
    breaker = Breaker()
    assert not any(
        breaker.failed(UpstreamChanged("x"), 0, trying=False, room="odd") for _ in range(9)
    )
    assert not breaker.failed(UpstreamChanged("x"), 0, trying=False, room="a")
    assert breaker.failed(UpstreamChanged("x"), 0, trying=False, room="b")


@given(
    events=st.lists(
        st.tuples(st.sampled_from([*FAILURES, *REFUSALS, None]), st.floats(0, 5000)), max_size=40
    )
)
def test_whatever_happens_it_opens_again_in_time(
    events: list[tuple[UpstreamError | None, float]],
) -> None:
    breaker, now_s = Breaker(), 0.0
    for failure, later_s in events:
        now_s += later_s
        wait_s = wait_of(breaker, now_s)
        assert 0 <= wait_s <= 1800.001
        if wait_s:
            continue
        trying = breaker.admit("Douyin", now_s)
        if failure is None:
            breaker.succeeded(trying=trying)
            assert breaker.at_rest
        else:
            breaker.failed(failure, now_s, trying=trying)
    assert wait_of(breaker, now_s + 1800.001) == 0


async def ask(gates: Gates, error: Exception | None, access: Access | None = None) -> None:
    async with gates.asking("enter", access=access or Access()):
        if error is not None:
            raise error


ANSWERS: tuple[HostcueError, ...] = (
    RoomOffline("x"),
    RoomNotFound("x"),
    AuthRequired("x"),
    NotStreaming("x"),
    BadRequest("x"),
)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda error: error.code)
async def test_an_answer_is_no_failure_of_the_endpoint(answer: HostcueError) -> None:
    gates = Gates("Douyin", budget=Budget("Douyin", per_s=1000))
    for _ in range(5):
        with pytest.raises(type(answer)):
            await ask(gates, answer)


async def test_each_endpoint_and_each_access_has_a_breaker_of_its_own() -> None:
    gates = Gates("Douyin")
    mine, other = Access(cookie="a=1"), Access(cookie="a=2")
    with capture_logs() as logs, pytest.raises(Blocked):
        await ask(gates, Blocked("x"), mine)
    assert [(entry["event"], entry["endpoint"]) for entry in logs] == [("endpoint_rests", "enter")]
    await ask(gates, None, other)
    async with gates.asking("page", access=mine):
        pass
    with pytest.raises(Blocked, match="asked again"):
        await ask(gates, None, mine)


async def test_refusals_of_any_number_of_accesses_take_bounded_memory() -> None:
    made: list[Breaker] = []

    def breaker() -> Breaker:
        made.append(Breaker())
        return made[-1]

    gates = Gates("Douyin", budget=Budget("Douyin", per_s=1e9), breaker=breaker)
    for number in range(1000):
        with pytest.raises(Blocked):
            await ask(gates, Blocked("x"), Access(cookie=f"a={number}"))
    kept = [weakref.ref(one) for one in made]
    made.clear()
    gc.collect()
    assert sum(ref() is not None for ref in kept) <= 256
    with pytest.raises(Blocked, match="asked again"):  # the latest are remembered
        await ask(gates, None, Access(cookie="a=999"))


async def test_a_burst_passes_at_once_and_the_rest_at_the_pace() -> None:
    slow = Budget("Douyin", per_s=0.01, burst=3)
    with anyio.fail_after(30):
        for _ in range(3):
            await slow.take()
    budget, turns = Budget("Douyin", per_s=20, burst=3), list[float]()
    began_s = anyio.current_time()
    async with anyio.create_task_group() as tasks:

        async def take() -> None:
            await budget.take()
            turns.append(anyio.current_time() - began_s)

        for _ in range(6):
            tasks.start_soon(take)
    for number, turn_s in enumerate(turns[3:], 1):
        assert turn_s >= number * 0.05 - 0.005


async def test_too_long_a_queue_is_told_at_once() -> None:
    budget = Budget("Douyin", per_s=0.1, burst=1, patience_s=5)
    await budget.take()
    with anyio.fail_after(5), pytest.raises(RateLimited) as caught:
        await budget.take()
    assert 5 < caught.value.retry_after_s <= 10
    assert caught.value.remedy


async def test_a_turn_that_is_given_up_goes_to_the_next() -> None:
    budget = Budget("Douyin", per_s=5, burst=1, patience_s=60)
    await budget.take()
    began_s = anyio.current_time()
    async with anyio.create_task_group() as leaving:
        for _ in range(50):
            leaving.start_soon(budget.take)
        await anyio.lowlevel.checkpoint()
        leaving.cancel_scope.cancel()
    await budget.take()
    assert anyio.current_time() - began_s < 5  # one after the other they would take ten


async def test_who_was_behind_one_that_gives_up_moves_up() -> None:
    budget = Budget("Douyin", per_s=5, burst=1, patience_s=60)
    await budget.take()
    began_s = anyio.current_time()
    async with anyio.create_task_group() as staying, anyio.create_task_group() as leaving:
        for _ in range(50):
            leaving.start_soon(budget.take)
        await anyio.lowlevel.checkpoint()
        staying.start_soon(budget.take)
        await anyio.lowlevel.checkpoint()
        leaving.cancel_scope.cancel()
    assert anyio.current_time() - began_s < 5  # one after the other they would take ten


async def test_a_person_does_not_wait_behind_a_hundred_polls() -> None:
    budget = Budget("Douyin", per_s=5, burst=1, patience_s=4)
    refused = list[RateLimited]()

    async def poll() -> None:
        with patiently():
            while True:
                try:
                    await budget.take()
                except RateLimited as exc:
                    refused.append(exc)
                    await anyio.sleep(exc.retry_after_s)

    async with anyio.create_task_group() as tasks:
        for _ in range(100):
            tasks.start_soon(poll)
        await anyio.lowlevel.checkpoint()
        began_s = anyio.current_time()
        await budget.take()
        first_s = anyio.current_time() - began_s
        await budget.take()
        tasks.cancel_scope.cancel()
    assert refused
    assert first_s < 10  # all those polls would take twenty
    assert anyio.current_time() - began_s < 10


async def test_polls_get_the_turns_that_nobody_else_wants() -> None:
    budget, order = Budget("Douyin", per_s=50, burst=1), list[str]()

    async def take(who: str) -> None:
        await budget.take()
        order.append(who)

    await budget.take()
    async with anyio.create_task_group() as tasks:
        with patiently():
            for who in ("poll 1", "poll 2"):
                tasks.start_soon(take, who)
        await anyio.lowlevel.checkpoint()
        for who in ("start 1", "start 2"):
            tasks.start_soon(take, who)
    assert order == ["start 1", "start 2", "poll 1", "poll 2"]
