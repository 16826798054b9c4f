"""Committed events reach people: once, in order, across restarts, whatever the receivers do."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Mapping, MutableMapping, Sequence
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from notifier_office import PATIENCE, SECRET, Office
from structlog.testing import capture_logs
from webhook_receiver import Received, WebhookReceiver

from hostcue.model.clock import now_ms
from hostcue.model.network import Proxies
from hostcue.model.notification import Delivery, Notification, Target
from hostcue.notifications.apprise import AppriseNotifier


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with WebhookReceiver.open() as opened:
        yield opened


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with Office.open(tmp_path) as opened:
        yield opened


def types(received: Sequence[Received]) -> list[object]:
    return [request.json["type"] for request in received]


async def test_an_event_becomes_a_signed_message_that_names_the_room(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver)):
        await office.begin()
        got = (await receiver.wait(1))[0]
        await office.settled(1)
    assert got.is_signed_with(SECRET)
    assert got.json["type"] == "live_started"
    data = got.json["data"]
    assert isinstance(data, dict)
    assert data["recording_id"] == "r1"
    assert data["anchor_name"] == "小满的鞋铺"
    assert data["room_id"] == "7576"
    assert data["title"] == "小满的鞋铺 开播"


async def test_an_alarm_and_its_end_are_tied_together(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_paused", free_bytes=4 * 2**30, hours_left=0.0)
        await office.happen("disk_resumed", free_bytes=20 * 2**30)
        alarm, end = await receiver.wait(2)
    assert types([alarm, end]) == ["disk_paused", "disk_resumed"]
    data = end.json["data"]
    assert isinstance(data, dict)
    assert data["alarm_id"] == alarm.json["id"]
    assert data["free_bytes"] == 20 * 2**30
    assert data["ended_ts"] >= data["since_ts"]


async def test_a_gap_needs_no_event_to_become_an_alarm(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver, gap_alarm_s=0.2)):
        await office.begin()
        await receiver.wait(1)
        await office.state("reconnecting", "stalled")
        await office.happen(
            "gap_opened", "r1", recording_id="r1", start_ts=now_ms(), cause="stalled"
        )
        await receiver.wait(2)
        await office.state("recording")
        await office.happen("gap_closed", "r1", recording_id="r1", start_ts=0, end_ts=now_ms())
        assert types(await receiver.wait(3)) == ["live_started", "gap_open", "gap_closed"]


async def test_a_gaps_alarm_comes_although_hostcue_was_restarted_in_the_meantime(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver, gap_alarm_s=3600)):
        await office.begin(state="reconnecting")
        await office.happen(
            "gap_opened", "r1", recording_id="r1", start_ts=now_ms(), cause="stalled"
        )
        with anyio.fail_after(30):
            while ("gap_open", "r1") not in (await office.deliveries.ledger()).alarms:
                await anyio.lowlevel.checkpoint()
    assert receiver.received == []
    async with office.telling(office.notifications(receiver, gap_alarm_s=0.1)):
        assert types(await receiver.wait(1)) == ["gap_open"]


async def test_a_dead_target_delays_no_other(office: Office, receiver: WebhookReceiver) -> None:
    async with WebhookReceiver.open() as dead:
        dead.answer(0)
        async with office.telling(office.notifications(dead, receiver)):
            await office.happen("disk_low", free_bytes=1)
            await office.happen("disk_paused", free_bytes=1)
            await office.happen("disk_resumed", free_bytes=1)
            assert types(await receiver.wait(3)) == ["disk_low", "disk_paused", "disk_resumed"]
            assert len(dead.received) <= 1


async def test_a_receiver_in_trouble_is_tried_again_with_the_same_delivery(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(500, 503, 200)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        tries = await receiver.wait(3)
        done = (await office.settled(1))[0]
    assert len({request.headers["hostcue-delivery"] for request in tries}) == 1
    assert len({request.body for request in tries}) == 1
    assert (done.state, done.attempts, done.error) == ("delivered", 3, "")
    assert done.id == tries[0].headers["hostcue-delivery"]


async def test_a_message_is_given_up_after_five_tries_and_its_end_is_not_sent(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(500)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        await office.settled(1)
        receiver.answer(200)
        await office.happen("disk_ok", free_bytes=1)
        await office.happen("disk_paused", free_bytes=1)
        failed, skipped, delivered = await office.settled(3)
    assert (failed.state, failed.attempts, failed.error) == ("failed", 5, "http_500")
    assert (skipped.state, skipped.error) == ("skipped", "alarm_not_delivered")
    assert delivered.notification.kind == "disk_paused"
    assert len(receiver.received) == 6


async def test_what_a_receiver_refuses_is_not_sent_again(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(410)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        done = (await office.settled(1))[0]
    assert (done.state, done.attempts, done.error) == ("failed", 1, "http_410")
    assert done.message == "the receiver answered HTTP 410"


async def test_a_receiver_that_asks_for_a_pause_gets_it(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(429, 200, **{"Retry-After": "1"})
    async with office.telling(office.notifications(receiver)):
        began_s = anyio.current_time()
        await office.happen("disk_low", free_bytes=1)
        await receiver.wait(2)
        assert anyio.current_time() - began_s > 0.9


async def test_what_was_sent_but_not_noted_is_sent_again_as_the_same_delivery(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(0)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        await receiver.wait(1)
    receiver.answer(200)
    async with office.telling(office.notifications(receiver)):
        first, again = await receiver.wait(2)
        await office.settled(1)
    assert first.headers["hostcue-delivery"] == again.headers["hostcue-delivery"]
    assert first.body == again.body


async def test_what_happened_while_nobody_told_is_told_at_the_next_start(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver)):
        pass
    await office.happen("disk_paused", free_bytes=1)
    async with office.telling(office.notifications(receiver)):
        assert types(await receiver.wait(1)) == ["disk_paused"]
        await office.happen("disk_resumed", free_bytes=1)
        assert types(await receiver.wait(2)) == ["disk_paused", "disk_resumed"]


async def test_of_old_news_only_what_still_holds_is_told(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver)):
        pass
    await office.begin()
    for _ in range(20):
        await office.state("failed", "internal_error")
        await office.state("recording")
    await office.happen("disk_paused", free_bytes=1)
    await office.happen("disk_resumed", free_bytes=1)
    await office.happen("disk_low", free_bytes=1)
    hours_ago = now_ms() - 5 * 3600 * 1000
    with sqlite3.connect(office.folder / "hostcue.db") as connection:
        connection.execute("UPDATE events SET created_at = ?", [hours_ago])
    connection.close()
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_paused", free_bytes=1)
        got = await receiver.wait(3)
    assert types(got) == ["live_started", "disk_low", "disk_paused"]


async def test_a_message_that_waited_for_an_hour_is_not_sent_any_more(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(0)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        await receiver.wait(1)
    patience = replace(PATIENCE, too_old_s=0)
    async with office.telling(office.notifications(receiver, patience=patience)):
        done = (await office.settled(1))[0]
    assert (done.state, done.error) == ("skipped", "too_old")
    assert len(receiver.received) == 1


async def test_an_end_whose_event_is_gone_is_told_all_the_same(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver)):
        await office.begin()
        await receiver.wait(1)
        await office.settled(1)
    await office.state("stopped", "offline")
    with sqlite3.connect(office.folder / "hostcue.db") as connection:
        connection.execute("DELETE FROM events")
    connection.close()
    async with office.telling(office.notifications(receiver)):
        assert types(await receiver.wait(2)) == ["live_started", "live_ended"]


async def test_the_first_start_tells_nothing_of_what_was_before(
    office: Office, receiver: WebhookReceiver
) -> None:
    await office.begin()
    await office.happen("disk_paused", free_bytes=1)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        assert types(await receiver.wait(1)) == ["disk_low"]


async def test_without_a_target_nothing_runs_and_nothing_is_stored(office: Office) -> None:
    await office.happen("disk_paused", free_bytes=1)
    with anyio.fail_after(30):
        await office.notifications().run()
    assert await office.log() == []
    assert (await office.deliveries.ledger()).cursor is None


async def test_a_database_that_fails_for_a_while_costs_no_message(
    office: Office, receiver: WebhookReceiver
) -> None:
    broke = anyio.Event()

    def listen(_: object, __: str, event: MutableMapping[str, object]) -> Mapping[str, object]:
        if event["event"] == "notifier_broke":
            broke.set()
        return event

    notifications = office.notifications(receiver)
    with capture_logs([listen]), anyio.fail_after(30):
        async with office.telling(notifications):
            async with office.database.write() as tx:
                await tx.connection.exec_driver_sql("ALTER TABLE deliveries RENAME TO hidden")
            await office.happen("disk_paused", free_bytes=1)
            await broke.wait()
            async with office.database.write() as tx:
                await tx.connection.exec_driver_sql("ALTER TABLE hidden RENAME TO deliveries")
            assert types(await receiver.wait(1)) == ["disk_paused"]


async def test_what_waits_for_a_target_that_was_removed_is_given_up(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with WebhookReceiver.open() as removed:
        removed.answer(0)
        async with office.telling(office.notifications(removed)):
            await office.happen("disk_low", free_bytes=1)
            await removed.wait(1)
    async with office.telling(office.notifications(receiver)):
        done = (await office.settled(1))[0]
    assert (done.state, done.error) == ("skipped", "target_gone")


async def test_what_waits_for_a_channel_of_people_comes_as_one_message(
    office: Office, receiver: WebhookReceiver
) -> None:
    receiver.answer(503, 200)
    channel = AppriseNotifier(f"json://{receiver.host}", proxies=Proxies())
    notifications = office.telling_to(channel)
    async with office.telling(notifications):
        await office.happen("disk_low", free_bytes=1)
        await office.happen("disk_paused", free_bytes=1)
        await office.happen("disk_resumed", free_bytes=1)
        done = await office.settled(3)
    assert {item.state for item in done} == {"delivered"}
    said = str(receiver.received[-1].json["message"])
    assert [word in said for word in ("磁盘空间不足", "录制暂停", "录制恢复")] == [True] * 3
    assert len(receiver.received) == 2


async def test_a_test_message_is_tried_once_and_says_what_became_of_it(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with WebhookReceiver.open() as broken:
        broken.answer(500)
        good, bad = await office.notifications(receiver, broken).test()
    assert (good.state, bad.state, bad.error) == ("delivered", "failed", "http_500")
    assert receiver.received[0].json["type"] == "test"
    assert len(broken.received) == 1
    assert [item.number for item in await office.log()] == sorted([good.number, bad.number])


async def test_neither_secrets_nor_addresses_are_stored_or_logged(
    office: Office, receiver: WebhookReceiver, capsys: pytest.CaptureFixture[str]
) -> None:
    receiver.answer(500, 404)
    async with office.telling(office.notifications(receiver)):
        await office.happen("disk_low", free_bytes=1)
        await office.settled(1)
    async with WebhookReceiver.open() as gone:
        pass
    await office.notifications(gone).test()
    stored = b"".join(path.read_bytes() for path in office.folder.glob("hostcue.db*"))
    assert b"http://127.0.0.1" in stored
    assert b"canary" not in stored
    said = capsys.readouterr()
    assert "notification_tried" in said.out + said.err
    assert "canary" not in said.out + said.err


async def test_the_log_is_read_in_pages_and_forgets_after_a_month(
    office: Office, receiver: WebhookReceiver
) -> None:
    async with office.telling(office.notifications(receiver)):
        for kind in ("disk_low", "disk_paused", "disk_resumed"):
            await office.happen(kind, free_bytes=1)
        await office.settled(3)
    numbers = [item.number for item in await office.log()]
    assert [item.number for item in await office.deliveries.page(None, 2)] == numbers[1:]
    assert [item.number for item in await office.deliveries.page(numbers[0], 1)] == [numbers[1]]
    waiting = Notification("n", "disk_low", "disk", 1, "", "")
    await office.deliveries.add(Delivery.of(waiting, receiver_target(office, receiver), 1))
    assert await office.deliveries.prune(0, most=3) == 1
    assert [item.number for item in await office.log()][:2] == numbers[1:]
    assert await office.deliveries.prune(now_ms() + 1, most=9) == 2
    assert [item.notification.id for item in await office.log()] == ["n"]


def receiver_target(office: Office, receiver: WebhookReceiver) -> Target:
    return office.notifications(receiver).targets[0]
