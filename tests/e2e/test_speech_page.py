"""What the host says on the live view, in a real browser, before a real server."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from browser_page import open_page
from playwright.async_api import Browser, expect
from server_process import Serve, Server
from tone_speech import build_tone_model, say

from hostcue.model.clock import now_ms
from hostcue.model.sound import SAMPLE_HZ
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip

pytestmark = pytest.mark.slow

TOPMOST = """(list) => {
    const top = list.getBoundingClientRect().top;
    return [...list.children].find((row) => row.getBoundingClientRect().bottom > top).innerText;
}"""


async def send(server: Server, first: int, count: int) -> None:
    """Sentences of the user's own recogniser, one a second until now."""
    at_ms = now_ms()
    rows = [
        {
            "id": f"u{n}",
            "start_ts": at_ms - 1000 * (first + count - n),
            "end_ts": at_ms - 1000 * (first + count - n) + 900,
            "text": f"第 {n} 句，<b>不是标记</b>",
        }
        for n in range(first, first + count)
    ]
    await server.post("/api/live_audio/transcriptions", {"room_id": "r", "utterances": rows})


async def test_a_server_that_cannot_listen_says_how_and_shows_what_others_heard(
    serve: Serve, browser: Browser
) -> None:
    async with (
        serve({}) as server,
        open_page(browser, server.url) as (page, complaints),
    ):
        await expect(page.locator("#speech-setup")).to_contain_text("hostcue models pull")
        await expect(page.locator("#listen-form")).to_be_hidden()
        await expect(page.locator("#transcript")).to_be_hidden()

        sentences, rows = page.locator("#transcript .sentence"), page.locator("#transcript")
        await send(server, 0, 250)
        await expect(sentences.last).to_contain_text("第 249 句，<b>不是标记</b>")
        await expect(sentences.last).to_contain_text("你的识别器")
        assert await sentences.count() == 200
        await expect(sentences.last).to_be_in_viewport()

        await rows.evaluate("(list) => list.scrollTo(0, 2000)")
        await expect(page.locator("#transcript-newest")).to_be_hidden()
        read = await rows.evaluate(TOPMOST)
        await send(server, 250, 20)
        await expect(page.locator("#transcript-newest")).to_be_visible()
        assert await rows.evaluate(TOPMOST) == read
        await page.click("#transcript-newest")
        await expect(sentences.last).to_contain_text("第 269 句")
        await expect(sentences.last).to_be_in_viewport()

        await page.click("#language")
        await expect(page.locator("#speech-setup")).to_contain_text("there is no model")
        await expect(sentences.last).to_contain_text("Your recogniser")
        await page.set_viewport_size({"width": 390, "height": 844})
        assert await page.evaluate("document.documentElement.scrollWidth") <= 390
        assert complaints.heard == []


@pytest.fixture(scope="module")
def clip() -> Clip:
    """One sentence, again and again."""
    sound = np.zeros(4 * SAMPLE_HZ, np.float32)
    said = say("这款鞋今天有福利。", lead_s=0.5)
    sound[: len(said)] = said
    return make_clip(seconds=4, width=96, height=160, sound=sound, sound_hz=SAMPLE_HZ)


async def test_a_room_is_listened_to_from_the_page_word_by_word_until_it_is_stopped(
    serve: Serve, browser: Browser, clip: Clip, tmp_path: Path
) -> None:
    model = build_tone_model(tmp_path / "model").folder
    settings = {
        "HOSTCUE_SPEECH_MODEL": str(model),
        "HOSTCUE_SPEECH_PARTIALS": "true",
        "HOSTCUE_ALLOW_PRIVATE_URLS": "true",
    }
    async with (
        LiveFlv.open(clip) as flv,
        serve(settings) as server,
        open_page(browser, server.url) as (page, complaints),
    ):
        await page.click("#listen-form summary")
        await page.click("#listen-button")
        await expect(page.locator("#listen-answer .error")).to_contain_text("先填")
        await page.fill("#listen-link", flv.url)
        await page.click("#listen-button")
        await expect(page.locator("#listeners .state")).to_contain_text("听写中")
        await expect(page.locator(".transcript .partial")).to_contain_text("这款鞋")
        await expect(page.locator(".voice.speaking")).to_be_visible()
        sentence = page.locator(".transcript .sentence").last
        await expect(sentence).to_contain_text("这款鞋今天有福利。")
        await page.reload()
        await expect(sentence).to_contain_text("这款鞋今天有福利。")

        await page.locator("#listeners button").click()
        await expect(page.locator("#listeners li")).to_have_count(0)
        await flv.wait_viewers(0)
        assert complaints.heard == []
