from __future__ import annotations

import anyio

from hostcue.comments.douyin.places import Places
from hostcue.model.room import DEFAULT_ACCESS, Access

OTHER = Access(cookie="sessionid=b")


async def test_each_identity_has_its_own_places() -> None:
    places = Places(rooms=1, gap_s=0)
    with places.lend(DEFAULT_ACCESS) as ours, places.lend(OTHER) as theirs:
        assert ours.take_now()
        with places.lend(DEFAULT_ACCESS) as again:
            assert not again.take_now()
        assert theirs.take_now()


async def test_a_place_given_up_is_the_next_ones_at_once() -> None:
    order: list[int] = []
    with Places(rooms=1, gap_s=0).lend(DEFAULT_ACCESS) as seats:
        assert seats.take_now()

        async def wait(number: int) -> None:
            await seats.take()
            order.append(number)

        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(wait, number)
                await anyio.wait_all_tasks_blocked()
            assert not seats.take_now()
            for _ in range(3):
                seats.leave()
                await anyio.wait_all_tasks_blocked()
    assert order == [0, 1, 2]


async def test_between_two_connections_of_one_identity_lies_the_gap() -> None:
    with Places(gap_s=600).lend(DEFAULT_ACCESS) as seats, anyio.fail_after(30):
        await seats.turn()
    with Places(rooms=5, gap_s=0.4).lend(DEFAULT_ACCESS) as seats:
        began_s = anyio.current_time()
        await seats.turn()
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(seats.turn)
        assert anyio.current_time() - began_s >= 0.8


async def test_the_gap_outlives_who_made_it() -> None:
    places = Places(gap_s=0.1)
    with places.lend(DEFAULT_ACCESS) as seats:
        await seats.turn()
    began_s = anyio.current_time()
    with places.lend(OTHER), places.lend(DEFAULT_ACCESS) as seats:
        await seats.turn()
    assert anyio.current_time() - began_s >= 0.09


async def test_who_gives_up_waiting_for_a_turn_does_not_take_it() -> None:
    with Places(gap_s=2).lend(DEFAULT_ACCESS) as seats:
        began_s = anyio.current_time()
        await seats.turn()
        with anyio.move_on_after(0.01):
            await seats.turn()
        await seats.turn()
    assert 2 <= anyio.current_time() - began_s < 4


async def test_identities_that_nobody_uses_are_forgotten() -> None:
    places = Places(rooms=1, gap_s=0)
    with places.lend(OTHER) as seats:
        pass
    with places.lend(DEFAULT_ACCESS), places.lend(OTHER) as again:
        assert again is not seats
