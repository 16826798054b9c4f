from __future__ import annotations

from itertools import pairwise

import anyio
import pytest

from hostcue.comments.douyin.client import DouyinComments
from hostcue.comments.douyin.inbox import Inbox
from hostcue.comments.douyin.places import Places
from hostcue.comments.douyin.polling import PollingWay
from hostcue.comments.douyin.ways import Visit
from hostcue.comments.douyin.websocket import WebsocketWay
from hostcue.errors import UpstreamChanged
from hostcue.model.comment import Comment
from hostcue.model.room import Room
from hostcue.platforms.douyin.webs import DouyinWebs
from hostcue.sim.douyin import DouyinFace


async def test_each_answer_goes_on_where_the_last_one_ended(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    face.say("早")
    async with webs.lend() as web:
        visit = Visit(room, web, Inbox(room.room_id))
        async with PollingWay(interval_s=0).open(visit) as connection:
            first = await connection.receive()
            number = face.say("新")
            with anyio.fail_after(30):
                second = await connection.receive()
    assert [event.content for event in first.events if isinstance(event, Comment)] == ["早"]
    assert [event.id for event in second.events if isinstance(event, Comment)] == [str(number)]
    assert first.spoke
    assert second.spoke


async def test_an_empty_answer_is_no_sign_of_life(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with webs.lend() as web:
        visit = Visit(room, web, Inbox(room.room_id))
        async with PollingWay().open(visit) as connection:
            delivery = await connection.receive()
    assert (delivery.events, delivery.spoke) == ((), False)


async def test_an_answer_that_is_none_is_counted_and_the_next_one_is_asked_for(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    async with webs.lend() as web:
        visit = Visit(room, web, Inbox(room.room_id))
        async with PollingWay(interval_s=0, least_s=0.05).open(visit) as connection:
            await connection.receive()
            face.refuse_polling("garbage")
            with anyio.fail_after(30), pytest.raises(UpstreamChanged):
                await connection.receive()
            face.refuse_polling(None)
            face.say("再来")
            with anyio.fail_after(30):
                delivery = await connection.receive()
    assert dict(visit.inbox.unreadable) == {"frame": 1}
    assert [event.content for event in delivery.events if isinstance(event, Comment)] == ["再来"]


async def test_it_is_never_asked_more_often_than_once_a_second(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    face.demand_poll_gap(0.5)  # else it answers with nothing, as risk control does
    times_s: list[float] = []
    async with webs.lend() as web:
        visit = Visit(room, web, Inbox(room.room_id))
        async with PollingWay(interval_s=0).open(visit) as connection:
            with anyio.fail_after(30):
                for _ in range(3):
                    await connection.receive()
                    times_s.append(anyio.current_time())
                    face.burst(150)
    assert all(later - earlier >= 0.5 for earlier, later in pairwise(times_s))


async def test_connections_of_two_rooms_of_one_visitor_are_kept_apart(
    face: DouyinFace, webs: DouyinWebs, room: Room
) -> None:
    ways = [WebsocketWay(push_url=face.push_url)]
    comments = DouyinComments(webs, ways, places=Places(gap_s=1), backoff_s=(0.0, 0.0))
    async with comments.events(room), comments.events(room):
        with anyio.fail_after(30):
            await face.wait_viewers(2)
    (first_s, *_), (second_s, *_) = face.seen.handshakes
    assert second_s - first_s >= 0.3
