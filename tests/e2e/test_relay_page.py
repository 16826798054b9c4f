"""The comment test page in a real browser, before a real server."""

from __future__ import annotations

import json

import anyio
import pytest
from browser_page import open_page
from playwright.async_api import Browser, Page, expect
from server_process import Serve

from hostcue.sim.room import PretendRoom

pytestmark = pytest.mark.slow

PAGE = "/static/douyin_test.html"
LONGEST_TASK_MS = """(ms) => new Promise((done) => {
    let longest = 0;
    const watch = new PerformanceObserver((list) => {
        for (const task of list.getEntries()) longest = Math.max(longest, task.duration);
    });
    watch.observe({entryTypes: ["longtask"]});
    setTimeout(() => done(longest), ms);
})"""


async def start(page: Page, live_id: str = "80017709309") -> None:
    await page.fill("#live-id", live_id)
    await page.keyboard.press("Enter")


async def test_the_comment_test_page_starts_counts_and_stops(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    async with (
        serve(room.environment()) as server,
        open_page(browser, server.url + PAGE) as (page, complaints),
    ):
        await start(page)
        await expect(page.locator("#state")).to_contain_text("接收中")
        await expect(page.locator('[data-kind="chat"] b')).not_to_have_text("0")
        await expect(page.locator("#messages .comment").first).to_be_visible()
        await expect(page.locator("#rate")).not_to_have_text("—")
        await expect(page.locator("#way")).to_have_text("WebSocket")
        await expect(page.locator("#skew")).to_contain_text("平台的钟")
        await expect(page.locator("#room")).to_contain_text("小满的鞋铺")
        curve = page.locator("#curve svg")
        await expect(curve).not_to_have_attribute(
            "aria-label", "最近三分钟的速度：现在每秒 0 条，最多 0 条"
        )

        await page.click('[data-kind="chat"] button')
        await expect(page.locator("#messages .chat")).to_have_count(0)
        await page.click('[data-kind="chat"] button')
        await page.check("#raw")
        newest = await page.locator("#messages code").first.inner_text()
        assert set(json.loads(newest)) == {"type", "data"}
        await page.uncheck("#raw")
        await page.click("#pause")
        await expect(page.locator("#pause")).to_contain_text("继续")
        held = await page.locator("#messages li").count()
        await expect(page.locator("#pause")).not_to_contain_text("新的 0 条")
        assert await page.locator("#messages li").count() == held

        await page.click("#stop")
        await expect(page.locator("#state")).to_contain_text("未开始")
        await expect(page.locator("#start")).to_be_enabled()
        assert complaints.heard == []

        await start(page, "https://live.douyin.com/80017709300")
        await expect(page.locator("#answer .error")).to_contain_text("没有这个直播间")


async def test_a_fixture_is_played_beside_a_room_and_what_is_played_says_so(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    async with (
        serve(room.environment()) as server,
        open_page(browser, server.url + PAGE) as (page, complaints),
    ):
        await start(page)
        await expect(page.locator("#rooms button")).to_have_count(1)
        await page.click("#play-button")
        played = page.locator('#rooms [data-room^="replay-"]')
        await expect(played).to_have_attribute("aria-pressed", "true")
        await expect(played.locator(".demo")).to_be_visible()
        await expect(page.locator("#demo-band")).to_be_visible()
        await expect(page.locator("#messages .demo").first).to_be_visible()
        assert "live_id=replay-" in page.url
        await expect(page.locator("#curl")).to_contain_text('{"fixture":"')
        await expect(page.locator("#live-id")).to_have_value("80017709309")

        await page.locator('#rooms [data-room="80017709309"]').focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#demo-band")).to_be_hidden()
        await expect(page.locator("#messages .comment").first).to_be_visible()
        await expect(page.locator("#messages .demo")).to_have_count(0)
        await page.reload()  # goes on looking at the same room
        await expect(page.locator('#rooms [aria-pressed="true"]')).to_contain_text("小满的鞋铺")
        assert complaints.heard == []


async def test_a_busy_room_does_not_freeze_the_page_in_any_language_on_any_screen(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    async with (
        serve(room.environment()) as server,
        open_page(browser, server.url + PAGE, locale="en-US") as (page, complaints),
        anyio.create_task_group() as tasks,
    ):

        async def crowd() -> None:
            number = 0
            while True:  # some 1,500 comments a minute
                number += 1
                room.douyin.say(f"有 38 码吗 {number}", f"观众{number}")
                room.douyin.like()
                await anyio.sleep(0.04)

        await start(page)
        await expect(page.locator("#state")).to_contain_text("receiving")
        tasks.start_soon(crowd)
        await expect(page.locator("#messages li")).to_have_count(300)
        assert await page.evaluate(LONGEST_TASK_MS, 3000) < 2500
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        await page.click("summary")
        await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        await page.click("#copy")
        await expect(page.locator("#copied")).to_have_text("Copied")
        assert complaints.heard == []
        tasks.cancel_scope.cancel()


async def test_the_page_says_why_comments_stay_away_and_comes_back_by_itself(
    serve: Serve, room: PretendRoom, browser: Browser
) -> None:
    async with (
        serve(room.environment()) as server,
        open_page(browser, server.url + PAGE) as (page, _),
        open_page(browser, server.url) as (main, _),
    ):
        await start(page)
        await expect(page.locator("#state")).to_contain_text("接收中")
        chats = main.locator("#chats")
        await expect(chats).to_contain_text("接收中")
        await expect(chats).to_contain_text("WebSocket")

        room.douyin.risk_control("captcha")
        room.douyin.block_signature()
        room.douyin.drop_line()
        await expect(page.locator("#messages .gap")).to_be_visible()
        await expect(page.locator("#advice")).to_be_visible()
        await expect(chats).to_contain_text("→")

        await server.kill()
        await expect(page.locator("#lost-band")).to_contain_text("和服务的连接断了")
