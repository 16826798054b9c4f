"""What the host says, from the room to REST and SSE, against a running server."""

from __future__ import annotations

import os
import signal
from itertools import pairwise
from pathlib import Path

import anyio
import av
import numpy as np
import pytest
from server_process import Serve, Server, Stream
from tone_speech import SYLLABLE_S, build_tone_model, say

from hostcue.model.sound import SAMPLE_HZ
from hostcue.sim.flv import LiveFlv
from hostcue.sim.media import Clip, make_clip

pytestmark = pytest.mark.slow

CLIP_S = 20
TURN_S = 1.25  # what is said, and a pause that ends it
WORDS = ("白鞋", "黑鞋", "红包", "尺码", "库存", "下单", "发货", "快递")
TEXTS = [word + mark for mark in "。？" for word in WORDS]
SAID_S = (3 - 0.5) * SYLLABLE_S  # half of a syllable is silence
WANTED = 20
NEAR_MS = 120
EVENTS = "/api/live_audio/events"


@pytest.fixture(scope="module")
def clip() -> Clip:
    """Sixteen sentences in twenty seconds, again and again."""
    sound = np.zeros(CLIP_S * SAMPLE_HZ, np.float32)
    for n, text in enumerate(TEXTS):
        said = say(text, lead_s=0, tail_s=0)
        start = int((0.1 + n * TURN_S) * SAMPLE_HZ)
        sound[start : start + len(said)] = said
    return make_clip(seconds=CLIP_S, width=96, height=160, sound=sound, sound_hz=SAMPLE_HZ)


async def test_what_is_said_is_read_to_the_word_though_the_recogniser_is_killed_meanwhile(
    serve: Serve, clip: Clip, tmp_path: Path
) -> None:
    model = build_tone_model(tmp_path / "model").folder
    settings = {"HOSTCUE_SPEECH_MODEL": str(model), "HOSTCUE_ALLOW_PRIVATE_URLS": "true"}
    async with (
        LiveFlv.open(clip) as recorded_flv,
        LiveFlv.open(clip) as other_flv,
        serve(settings) as server,
        server.stream() as news,
    ):
        recording_id = await server.record(recorded_flv.url, segment_time=10)
        await news.wait_for("recording_state", state="recording")
        recorded = await listen(server, recording_id=recording_id)
        other = await listen(server, live_url=other_flv.url, partials=True)
        assert recorded["mode"] == "recording"
        assert other["mode"] == "room"
        async with (
            server.stream(f"{EVENTS}?session_id={recorded['session_id']}") as one,
            server.stream(f"{EVENTS}?room_id={other['room_id']}") as two,
        ):
            for heard in (one, two):
                await heard.wait("final", WANTED // 2)
            killed = kill_the_listening(server.process.pid)
            assert killed
            for heard in (one, two):
                await heard.wait("final", WANTED + 2)
            assert two.of("partial")
            assert {bool(level["speaking"]) for level in two.of("level")} == {True, False}
        await check_texts(server, recorded, one)
        await check_texts(server, other, two)
        [segment] = await news.wait("segment_ready")
        check_times(segment, one)
        await check_replay(server, other, two)

        stopped = await server.post("/api/live_audio/stop", {"session_id": other["session_id"]})
        assert (stopped["state"], stopped["is_running"]) == ("stopped", False)
        await server.post("/api/recording/stop", {"recording_id": recording_id})
    folders = {path.parent for path in (tmp_path / "records").rglob("*.mp4")}
    assert len(folders) == 1  # of the room that was only listened to nothing is written


async def listen(server: Server, **room: object) -> dict[str, object]:
    return await server.post("/api/live_audio/start", {"min_sentence_chars": 0, **room})


def kill_the_listening(server_pid: int) -> list[int]:
    """Kill the processes that hear and recognise, as a lack of memory would."""
    killed = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
            command = (stat.parent / "cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == server_pid and b"hostcue.speech" in command:
            killed.append(int(stat.parent.name))
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    return killed


async def check_texts(server: Server, session: dict[str, object], heard: Stream) -> None:
    """All that was said is there, once, in order, in the events as in the store."""
    finals = heard.of("final")[2:][:WANTED]  # the first may have begun under the usual rules
    texts = [str(final["text"]) for final in finals]
    begin = TEXTS.index(texts[0])
    assert texts == [TEXTS[(begin + n) % len(TEXTS)] for n in range(WANTED)]
    steps = [int(str(b["start_ts"])) - int(str(a["start_ts"])) for a, b in pairwise(finals)]
    assert max(abs(step - 1000 * TURN_S) for step in steps) <= NEAR_MS
    assert heard.of("gap") == []

    stored = await server.get(
        "/api/live_audio/transcript",
        room_id=session["room_id"],
        start_ts=finals[0]["start_ts"],
        end_ts=finals[-1]["end_ts"],
    )
    assert isinstance(stored, list)
    for row, final in zip(stored, finals, strict=True):
        assert row.items() <= final.items()
        assert (row["source"], row["language"], row["confidence"]) == ("live", "zh", None)
    status = await server.get("/api/live_audio/status", session_id=session["session_id"])
    assert isinstance(status, dict)
    assert (status["state"], status["coverage"], status["dropped_s"]) == ("listening", 1.0, {})
    told = status["heard_s"] + status["held_s"]
    assert status["received_s"] == pytest.approx(told, abs=1e-3)


def check_times(segment: dict[str, object], heard: Stream) -> None:
    """Sentences lie where the recorded file has them."""
    begin_ms = int(str(segment["start_ts"]))
    spans = [(begin_ms + a, begin_ms + b) for a, b in spoken(Path(str(segment["path"])))]
    finals = [(int(str(f["start_ts"])), int(str(f["end_ts"]))) for f in heard.of("final")[2:]]
    inside = [span for span in spans if finals[0][0] - NEAR_MS <= span[0]]
    assert len(inside) >= 4
    for start_ms, end_ms in inside:
        nearest = min(finals, key=lambda final: abs(final[0] - start_ms))
        assert abs(nearest[0] - start_ms) <= NEAR_MS
        assert abs(nearest[1] - end_ms) <= NEAR_MS


def spoken(path: Path) -> list[tuple[float, float]]:
    """Where in a file, in ms, something is said from beginning to end."""
    with av.open(str(path)) as media:
        frames = list(media.decode(audio=0))
        hz = frames[0].sample_rate
        sound = np.concatenate(
            [frame.to_ndarray().reshape(-1, frame.samples)[0] for frame in frames]
        )
        first_ms = 1000 * float(frames[0].time or 0)
    step = hz // 100
    loud = np.abs(sound[: len(sound) // step * step]).reshape(-1, step).max(axis=1) > 0.02
    at = np.flatnonzero(loud)
    groups = np.split(at, np.flatnonzero(np.diff(at) > 30) + 1)
    whole = [g for g in groups if abs((g[-1] - g[0]) / 100 - SAID_S) < 0.1]
    return [(first_ms + 10 * g[0], first_ms + 10 * (g[-1] + 1)) for g in whole]


async def check_replay(server: Server, session: dict[str, object], heard: Stream) -> None:
    """Who was away gets the rest of the sentences, and neither levels nor partial texts."""
    of_room = f"{EVENTS}?room_id={session['room_id']}"
    async with server.stream(of_room, last_event_id=heard.ids[0]) as again:
        with anyio.fail_after(10):
            missed = await again.wait("final", WANTED)
    assert [one["id"] for one in missed] in (
        [one["id"] for one in heard.of("final")][skip : skip + WANTED] for skip in range(3)
    )
