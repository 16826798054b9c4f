"""The pages in a real browser, before a real server."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import anyio
import pytest
from browser_page import open_page
from playwright.async_api import Browser, Page, expect
from server_process import Serve, Server

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

TOKEN = "the-token-of-this-test"
SIZE_OF_LINE = "parseFloat(getComputedStyle(document.querySelector('.now .say')).fontSize)"
SEEK_TO_END = """async (video) => {
    const once = (name) => new Promise((done) => video.addEventListener(name, done, {once: true}));
    if (video.readyState < 1) await once("loadedmetadata");
    video.pause();
    const seeked = once("seeked");
    video.currentTime = video.duration;
    await seeked;
    return [video.currentTime, video.duration, video.videoWidth, video.error?.message ?? ""];
}"""


async def play_to_the_end(page: Page, seq: int) -> tuple[float, float]:
    await page.locator(f'.segment[data-seq="{seq}"]').click()
    video = page.locator("dialog video")
    at, duration, width, error = await video.evaluate(SEEK_TO_END)
    assert error == ""
    assert width > 0
    await page.keyboard.press("Escape")
    await expect(page.locator("dialog")).to_have_count(0)
    return at, duration


async def test_a_room_started_with_the_form_brings_pictures_comments_and_lines(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    async with (
        serve(room.environment()) as server,
        open_page(browser, server.url) as (page, complaints),
    ):
        await expect(page.locator("#running")).to_contain_text("还没有录制")
        await page.fill("#link", room.link)
        await page.fill("#segment", "2")
        await page.click("#start-button")
        await expect(page.locator(".recording .state")).to_contain_text("录制中")
        await expect(page.locator(".comment.chat").first).to_be_visible()

        picture = page.locator(".segment img").first
        await expect(picture).to_be_visible()
        await picture.evaluate("(image) => image.decode()")  # fails for what is no picture

        line = page.locator(".line.now")
        await expect(line.locator(".source")).to_have_text("AI生成")
        assert await page.evaluate(SIZE_OF_LINE) >= 50
        for marked in (line, page.locator(".recording header"), page.locator(".segment").first):
            await expect(marked.locator(".demo")).to_be_visible()
        await expect(page.locator("#demo-band")).to_be_visible()

        await page.locator(".recording .stop").click()
        await expect(page.locator("#ended .recording .state")).to_contain_text("手动停止")
        assert complaints.heard == []


async def test_what_was_recorded_can_be_looked_at_in_both_languages_on_any_screen(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    async with serve(room.environment()) as server:
        await record_one_segment(server, room.link)
        await record_one_segment(server, room.flv.url)
        async with open_page(browser, server.url) as (page, complaints):
            await expect(page.locator(".recording")).to_have_count(2)
            await page.select_option("#room", label="小满的鞋铺")
            await expect(page.locator(".recording")).to_have_count(1)
            assert "?room=douyin" in page.url

            await page.locator(".about button").first.click()
            await expect(page.locator("dialog .evidence section").first).to_be_visible()
            await page.keyboard.press("Escape")
            at, duration = await play_to_the_end(page, 0)
            assert 1.5 < duration < 2.6
            assert at == pytest.approx(duration, abs=0.1)

            await page.click("#prompter")
            await expect(page.locator(".top")).to_be_hidden()
            await page.keyboard.press("PageDown")
            await expect(page.locator(".now .position")).to_contain_text("2/")
            await page.keyboard.press("Escape")
            await expect(page.locator(".top")).to_be_visible()

            await page.click("#language")
            await expect(page.locator("#lines-title")).to_have_text("Say this now")
            await page.reload()
            await expect(page.locator(".line.now .source")).to_have_text("AI生成 (AI)")

            await page.set_viewport_size({"width": 390, "height": 844})
            assert await page.evaluate("document.documentElement.scrollWidth") <= 390
            assert complaints.heard == []


async def record_one_segment(server: Server, link: str) -> None:
    """Record until there is a segment with lines; at rest, nothing on the page moves."""
    async with server.stream() as events:
        recording_id = await server.record(link)
        await events.wait("segment_ready")
        await server.post("/api/recording/stop", {"recording_id": recording_id})
        # the last may be too short to be analysed
        ready = events.of("segment_ready")
        long = [one for one in ready if int(str(one["end_ts"])) - int(str(one["start_ts"])) > 1100]
        await events.wait("tips_ready", len(long))


async def test_a_watched_room_is_recorded_when_it_is_live_and_shows_what_is_missing(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    room.end()
    async with (
        serve(room.environment() | {"HOSTCUE_POLL_S": "0.5"}) as server,
        open_page(browser, server.url) as (page, complaints),
    ):
        state, strip = page.locator(".recording > header .state"), page.locator(".strip")
        await page.fill("#link", room.link)
        await page.fill("#segment", "2")
        await page.check("#monitor")
        await page.fill("#from", "00:00")
        await page.click("#start-button")
        await expect(page.locator("#start-answer")).to_contain_text("要一起填")
        await page.fill("#to", "00:00")
        await page.click(".more summary")
        await page.fill("#cookie", "sessionid=not-to-be-seen")
        await page.click("#start-button")
        await expect(page.locator("#start-answer .done")).to_be_visible()
        await expect(page.locator("#cookie")).to_have_value("")
        await expect(state).to_contain_text("等待开播 · 没有开播")
        await expect(page.locator(".recording .facts")).to_contain_text("每天 00:00–00:00")
        await expect(page.locator(".recording .facts")).to_contain_text("Cookie")

        room.begin()
        await expect(state).to_contain_text("录制中")
        await expect(page.locator(".segment").first).to_be_visible()
        room.flv.refuse(503)
        room.flv.drop_line()
        await expect(state).to_contain_text("重连中")
        await expect(page.locator(".recording .next")).to_contain_text("画面已经断了")
        await expect(strip.locator(".lasting")).to_contain_text("流断了")
        room.flv.burst(0)  # else the past that a viewer is greeted with may leave nothing missing
        room.flv.refuse(None)
        await expect(strip.locator(".gap:not(.lasting)")).to_contain_text("流断了")
        await expect(page.locator(".recording .facts")).to_contain_text("1 个 · 共")

        await page.click(".pin")
        await expect(page.locator(".pin")).to_have_attribute("aria-pressed", "true")
        room.end()
        await expect(state).to_contain_text("等待开播")
        await page.locator(".recording .stop").click()
        await expect(state).to_contain_text("手动停止")
        assert "not-to-be-seen" not in await page.content()
        assert complaints.heard == []


async def test_old_recordings_go_only_when_that_is_meant_and_a_full_disk_says_so(
    serve: Serve, room: PretendRoom, browser: Browser, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server:
        await record_one_segment(server, room.link)
    let_age(tmp_path / "data" / "hostcue.db", hours=2)
    never_enough = {"HOSTCUE_MIN_FREE_BYTES": "1EiB", "HOSTCUE_RESUME_FREE_BYTES": "2EiB"}
    async with (
        serve(room.environment() | never_enough | {"HOSTCUE_KEEP_DAYS": "0.05"}) as server,
        open_page(browser, server.url) as (page, complaints),
    ):
        await expect(page.locator("#disk-chip")).to_contain_text("已暂停录制")
        await expect(page.locator("#disk-state")).to_contain_text("空间不够")
        await expect(page.locator("#disk-lines li")).to_have_count(3)
        notices = page.locator("#notices")
        await expect(notices).to_contain_text("录制全部暂停：空间不够")
        await expect(notices).to_contain_text("旧录像没有自动删")

        await page.click("#clean")
        await expect(page.locator(".files li").first).to_contain_text("太旧")
        await expect(page.locator(".cleanup .stop")).to_be_disabled()
        await page.check("#clean-force")
        await page.click(".cleanup .stop")
        await expect(page.locator(".cleanup .done")).to_contain_text("腾出")
        await page.keyboard.press("Escape")
        await expect(page.locator(".strip .deleted").first).to_contain_text("已删除")
        await expect(page.locator(".segment")).to_have_count(0)
        await expect(notices).not_to_contain_text("旧录像没有自动删")

        await page.click("#alarms summary")
        await page.click("#test-alarm")
        await expect(page.locator("#alarms-answer")).to_contain_text("没有设置通知目标")
        assert complaints.heard == []


def let_age(database: Path, *, hours: int) -> None:
    """Have all that is recorded be older."""
    ms = hours * 3_600_000
    with sqlite3.connect(database) as connection:
        connection.execute(
            "UPDATE segment_index SET start_ts = start_ts - ?, end_ts = end_ts - ?", (ms, ms)
        )
    connection.close()


async def test_the_token_is_asked_for_and_a_lost_server_shows(
    serve: Serve, browser: Browser
) -> None:
    async with (
        serve({}, token=TOKEN) as server,
        open_page(browser, server.url, locale="en-US") as (page, _),
    ):
        await page.fill("#token", "not-the-token")
        await page.click("button")
        await expect(page.locator("#problem")).to_contain_text("the token is wrong")
        await page.fill("#token", TOKEN)
        await page.click("button")
        await expect(page.locator("#connection")).to_have_text("●Live")
        await expect(page.locator("#lost-band")).to_be_hidden()

        await server.kill()
        await expect(page.locator("#lost-band")).to_contain_text("connection to the server is lost")
        await expect(page.locator("#lost-band")).to_have_css("background-color", "rgb(198, 40, 40)")


async def test_a_segment_recovered_after_a_crash_plays_to_its_end(
    serve: Serve, room: PretendRoom, browser: Browser, tmp_path: Path
) -> None:
    async with serve(room.environment()) as server:
        recording_id = await server.record(room.link, segment_time=60)
        await until_written(server, tmp_path / "records", recording_id)
        await server.kill()
    async with serve(room.environment()) as server, server.stream(last_event_id="0") as events:
        recovered = await events.wait_for("segment_ready", recording_id=recording_id, seq=0)
        assert recovered["status"] == "recovered"
        async with open_page(browser, server.url) as (page, complaints):
            await expect(page.locator(".segment .state")).to_contain_text("崩溃后恢复")
            at, duration = await play_to_the_end(page, 0)
            assert complaints.heard == []
    assert duration > 0.9
    assert at == pytest.approx(duration, abs=0.1)


async def until_written(server: Server, folder: Path, recording_id: str) -> None:
    """Until more than a second of the open segment is on disk."""
    with anyio.fail_after(30):
        while True:
            await server.get("/api/recording/status", recording_id=recording_id)
            parts = list(folder.rglob(f"{recording_id}_000.mp4.part"))
            if parts and parts[0].stat().st_size > 60_000:
                return
