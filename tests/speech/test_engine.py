"""Sound becomes text in processes that may die, hang, or be missing what they need."""

from __future__ import annotations

import random
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import anyio
import pytest
import speech_house
from anyio import wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from anyio.streams.buffered import BufferedByteReceiveStream
from speech_house import FAST, Processes, cut_short, model_files, processes_of
from tone_nano import build_tone_nano
from tone_speech import CHARACTERS, ToneFiles, as_pcm, build_tone_model, recogniser, say

from hostcue.errors import Conflict, EngineDied, HostcueError, ModelRefused, SpeechMissing
from hostcue.model.speech import Transcript
from hostcue.speech.child import Child
from hostcue.speech.engine import Limits, SpeechEngine
from hostcue.speech.keeper import Keeper
from hostcue.speech.protocol import Failed, Load
from hostcue.speech.shelf import ModelFiles
from hostcue.speech.turns import Urgency

PATIENT = Limits(answer_s=60)
IMPATIENT = Limits(answer_s=2, again_s=0.01)


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    """For as long as the engine that most tests share."""
    return "asyncio"


@pytest.fixture(scope="module")
async def engine(tones: ToneFiles) -> AsyncIterator[SpeechEngine]:
    files = model_files(tones)
    async with SpeechEngine.open(lambda: files, limits=PATIENT) as engine:
        yield engine


async def hear(engine: SpeechEngine, text: str, urgency: Urgency = "live") -> str:
    heard = await engine.transcribe(as_pcm(say(text)), language="zh", urgency=urgency)
    return heard.text


async def test_twenty_of_twenty_texts_are_heard_exactly(engine: SpeechEngine) -> None:
    chance = random.Random(5)  # noqa: S311 - the same texts each time
    for _ in range(20):
        text = "".join(chance.choice(CHARACTERS) for _ in range(chance.randint(12, 30)))
        assert await hear(engine, text) == text
    assert engine.status.state == "ready"
    assert engine.status.model == "tones"


async def test_tags_and_times_come_along(engine: SpeechEngine) -> None:
    heard = await engine.transcribe(as_pcm(say("你家", music=0.1)), language="yue", urgency="live")
    assert (heard.text, heard.language, heard.event) == ("你家", "yue", "BGM")
    assert [token.start_s for token in heard.tokens] == pytest.approx([0.3, 0.54], abs=0.09)
    assert await engine.transcribe(b"", language="zh", urgency="live") == Transcript("")


async def test_live_comes_before_files_and_guesses_only_when_nobody_waits(
    engine: SpeechEngine,
) -> None:
    await hear(engine, "你")
    workers = processes_of(engine)
    order: list[str] = []

    async def note(name: str, urgency: Literal["live", "offline"]) -> None:
        assert await hear(engine, name, urgency) == name
        order.append(name)

    workers.signal(signal.SIGSTOP)
    async with anyio.create_task_group() as tasks:
        for name in "一二三四五":
            tasks.start_soon(note, name, "offline" if name in "一二三" else "live")
            await wait_all_tasks_blocked()
        assert engine.waiting == 2
        with pytest.raises(Conflict, match="busy"):
            await hear(engine, "六", "partial")
        workers.signal(signal.SIGCONT)
    workers.close()
    assert order == ["一", "四", "五", "二", "三"]
    assert await hear(engine, "六", "partial") == "六"


async def test_what_nobody_waits_for_any_more_takes_no_turn(engine: SpeechEngine) -> None:
    await hear(engine, "你")
    workers = processes_of(engine)
    workers.signal(signal.SIGSTOP)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear, engine, "一")
        await wait_all_tasks_blocked()
        tasks.start_soon(hear, engine, "二")
        await wait_all_tasks_blocked()
        assert engine.waiting == 1
        tasks.cancel_scope.cancel()
    assert engine.waiting == 0
    workers.signal(signal.SIGCONT)
    workers.close()
    assert await hear(engine, "三") == "三"


async def test_two_workers_work_side_by_side(tones: ToneFiles) -> None:
    files = model_files(tones)
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: files, workers=2, limits=PATIENT) as engine:
            await hear(engine, "你")
            first = processes_of(engine)
            first.signal(signal.SIGSTOP)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(hear, engine, "一")
                await wait_all_tasks_blocked()
                assert await hear(engine, "二") == "二"
                first.signal(signal.SIGCONT)
            first.close()
            assert len(engine.status.pids) == 2


async def test_a_worker_that_is_killed_at_work_is_replaced(engine: SpeechEngine) -> None:
    await hear(engine, "你")
    workers = processes_of(engine)
    workers.signal(signal.SIGSTOP)
    died: list[EngineDied] = []

    async def hear_in_vain() -> None:
        with pytest.raises(EngineDied) as raised:
            await hear(engine, "一二三")
        died.append(raised.value)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(hear_in_vain)
        await wait_all_tasks_blocked()
        workers.signal(signal.SIGKILL)
    assert died[0].message == "a speech recogniser ended: SIGKILL"
    assert await hear(engine, "一二三") == "一二三"
    assert workers.left == []
    workers.close()
    assert engine.status.error == ""


async def test_a_worker_that_died_while_idle_costs_nobody_a_word(engine: SpeechEngine) -> None:
    await hear(engine, "你")
    workers = processes_of(engine)
    workers.signal(signal.SIGKILL)
    await workers.ended()
    workers.close()
    while engine.status.pids:
        await checkpoint()
    assert await hear(engine, "好") == "好"


async def test_a_worker_that_hangs_is_killed_and_replaced(tones: ToneFiles) -> None:
    files = model_files(tones)
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: files, limits=IMPATIENT) as engine:
            await hear(engine, "你")
            workers = processes_of(engine)
            workers.signal(signal.SIGSTOP)
            with pytest.raises(EngineDied, match="it hung, without an answer for 2 s"):
                await hear(engine, "好")
            await workers.ended()
            workers.close()
            assert await hear(engine, "好") == "好"


async def test_a_worker_that_hangs_while_idle_is_replaced_before_it_is_needed(
    tones: ToneFiles,
) -> None:
    files, limits = model_files(tones), Limits(answer_s=2, ping_s=0.05)
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: files, limits=limits) as engine:
            await hear(engine, "你")
            workers = processes_of(engine)
            workers.signal(signal.SIGSTOP)
            await workers.ended()
            workers.close()
            assert await hear(engine, "好") == "好"


async def test_processes_end_when_nobody_needs_them(tones: ToneFiles) -> None:
    files, limits = model_files(tones), Limits(idle_s=0.2)
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: files, limits=limits) as engine:
            ear = await engine.open_ear(FAST, 0)
            await ear.close()
            ears = processes_of(engine)
            await hear(engine, "你")
            both = processes_of(engine)
            await ears.ended()
            await both.ended()
            ears.close()
            both.close()
            assert engine.status.state == "idle"
            assert await hear(engine, "好") == "好"


async def test_no_process_is_left_when_the_engine_is_closed_at_work(tones: ToneFiles) -> None:
    files = model_files(tones)
    died: list[str] = []
    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:

            async def hear_in_vain(engine: SpeechEngine, text: str) -> None:
                with pytest.raises(EngineDied):
                    await hear(engine, text)
                died.append(text)

            async with SpeechEngine.open(lambda: files, limits=PATIENT) as engine:
                await hear(engine, "你")
                await engine.open_ear(FAST, 0)
                workers = processes_of(engine)
                workers.signal(signal.SIGSTOP)
                for text in ("一", "二"):
                    tasks.start_soon(hear_in_vain, engine, text)
                await wait_all_tasks_blocked()
            assert workers.left == []
            workers.close()
        assert sorted(died) == ["一", "二"]
        with pytest.raises(EngineDied, match="closed"):
            await hear(engine, "好")
        with pytest.raises(EngineDied, match="closed"):
            await engine.open_ear(FAST, 0)


async def test_no_process_is_left_when_the_engine_is_closed_while_one_starts(
    tones: ToneFiles,
) -> None:
    files = model_files(tones)
    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:

            async def open_in_vain(engine: SpeechEngine) -> None:
                with pytest.raises(EngineDied):
                    await engine.open_ear(FAST, 0)

            async with SpeechEngine.open(lambda: files, limits=PATIENT) as engine:
                tasks.start_soon(open_in_vain, engine)
                tasks.start_soon(anyio.sleep, 0)
                while engine.status.state != "loading":
                    await checkpoint()


async def test_no_process_outlives_a_server_that_is_killed(tmp_path: Path) -> None:
    program = [sys.executable, str(Path(speech_house.__file__).parent / "speech_server.py")]
    with anyio.fail_after(120):
        async with await anyio.open_process([*program, str(tmp_path)]) as server:
            try:
                assert server.stdout is not None
                told = await BufferedByteReceiveStream(server.stdout).receive_until(b"\n", 100)
                workers = Processes(*map(int, told.split()))
                for number in (signal.SIGINT, signal.SIGTERM):
                    workers.signal(number)  # of a service manager; the server answers them for all
            finally:
                server.kill()
        await workers.ended()
        workers.close()


async def test_without_the_extra_it_says_what_to_install(
    tones: ToneFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = model_files(tones)
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    async with SpeechEngine.open(lambda: files) as engine:
        with pytest.raises(SpeechMissing, match="not installed") as missing:
            await hear(engine, "你")
        assert missing.value.remedy == "pip install 'hostcue[speech]'"
        with pytest.raises(SpeechMissing):
            await engine.open_ear(FAST, 0)
        status = engine.status
        assert (status.state, status.code) == ("missing", "speech_missing")
        assert status.remedy == missing.value.remedy


async def test_a_model_is_looked_for_at_each_start(tones: ToneFiles) -> None:
    answers: list[ModelFiles | HostcueError] = [
        SpeechMissing("there is no model", remedy="get one"),
        model_files(tones),
    ]

    def find() -> ModelFiles:
        answer = answers.pop(0)
        if isinstance(answer, HostcueError):
            raise answer
        return answer

    with anyio.fail_after(120):
        async with SpeechEngine.open(find) as engine:
            assert (engine.status.state, engine.status.pids) == ("idle", ())
            with pytest.raises(SpeechMissing, match="there is no model"):
                await hear(engine, "你")
            assert engine.status.remedy == "get one"
            assert await hear(engine, "你") == "你"
            assert engine.status.remedy == ""


@pytest.mark.parametrize("what", ["model", "tokens", "vad"])
async def test_a_damaged_file_starts_no_process(tmp_path: Path, what: str) -> None:
    files = build_tone_model(tmp_path)
    damaged: Path = getattr(files, what)
    whole = damaged.read_bytes()
    cut_short(damaged)
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: model_files(files)) as engine:
            for _ in range(2):
                with pytest.raises(ModelRefused, match=damaged.name):
                    await (engine.open_ear(FAST, 0) if what == "vad" else hear(engine, "你"))
            assert engine.status.pids == ()
            assert (engine.status.state, engine.status.code) == ("down", "model_refused")
            damaged.write_bytes(whole)
            await engine.open_ear(FAST, 0)
            assert await hear(engine, "你") == "你"


async def test_a_model_of_the_wrong_family_is_refused(tones: ToneFiles) -> None:
    files = model_files(tones, family="fun-asr-nano")
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: files) as engine:
            with pytest.raises(ModelRefused, match="is a sensevoice model, not a fun-asr-nano"):
                await hear(engine, "你")


async def test_the_other_family_is_served_as_well(tmp_path: Path) -> None:
    files = model_files(build_tone_nano(tmp_path), family="fun-asr-nano")
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: files) as engine:
            assert await hear(engine, "喜欢的宝贝下单") == "喜欢的宝贝下单"


async def test_a_model_that_cannot_be_loaded_is_tried_again_when_it_changes(
    tones: ToneFiles, tmp_path: Path
) -> None:
    """Its metadata are right, so only the loading tells."""
    folder = shutil.copytree(tones.folder, tmp_path / "model")
    model = folder / "model.int8.onnx"
    whole = model.read_bytes()
    model.write_bytes(whole.replace(b"MatMul", b"MatNul"))
    broken = ToneFiles(folder, model, folder / "tokens.txt", folder / "silero_vad.onnx")
    limits = Limits(reload_s=3600)
    with anyio.fail_after(120):
        async with SpeechEngine.open(lambda: model_files(broken), limits=limits) as engine:
            with pytest.raises(ModelRefused, match=r"model\.int8\.onnx.* can't be loaded") as first:
                await hear(engine, "你")
            with pytest.raises(ModelRefused) as again:
                await hear(engine, "你")
            assert again.value.message == first.value.message
            assert engine.status.error == first.value.message
            model.write_bytes(whole)
            assert await hear(engine, "你") == "你"


async def test_a_process_that_its_model_ends_is_told_with_its_last_words(tmp_path: Path) -> None:
    """What the look at a model's metadata spares the server."""
    files = build_tone_model(tmp_path)
    files.model.write_bytes(recogniser({}).SerializeToString())
    paths = (str(files.model), str(files.tokens), str(files.vad))
    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            child = await Child.open("recogniser")
            tasks.start_soon(child.listen)
            load = Load("recogniser", "sensevoice", *paths, language="zh")
            with pytest.raises(EngineDied, match=r"recogniser ended: exit code 255 \(.+vocab_size"):
                await child.ask(load, within_s=60)
        assert child.crashed


async def test_tokens_that_are_missing_show_when_a_worker_loads(tones: ToneFiles) -> None:
    paths = (str(tones.model), str(tones.folder / "none.txt"), str(tones.vad))
    with anyio.fail_after(120):
        async with anyio.create_task_group() as tasks:
            child = await Child.open("recogniser")
            tasks.start_soon(child.listen)
            load = Load("recogniser", "sensevoice", *paths, language="zh")
            answer = await child.ask(load, within_s=60)
            await child.close(within_s=10)
    assert isinstance(answer, Failed)


async def test_a_worker_that_dies_time_and_again_is_not_started_at_once(tones: ToneFiles) -> None:
    async with anyio.create_task_group() as tasks:
        files, limits = model_files(tones), Limits(again_s=3600, longest_s=3600)
        keeper = Keeper("ear", lambda: files, tasks, limits)
        for _ in range(2):  # the second one is started right after the first one's end
            child = await keeper.child()
            child.kill("for the test")
            await child.gone.wait()
        with anyio.CancelScope() as scope:
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(keeper.child)
                await anyio.wait_all_tasks_blocked()
                assert (keeper.state, keeper.running) == ("down", None)
                assert keeper.error is not None
                scope.cancel()
        await keeper.close()


async def test_a_folder_that_cannot_be_read_is_told_like_a_model_that_cannot_be_loaded() -> None:
    def find() -> ModelFiles:
        raise PermissionError(13, "Permission denied", "/models")

    async with SpeechEngine.open(find, limits=PATIENT) as engine:
        with pytest.raises(ModelRefused, match="Permission denied"):
            await hear(engine, "一")


async def test_what_failed_once_is_not_told_for_ever() -> None:
    states: list[str] = []

    def find() -> ModelFiles:
        states.append(made.status.state)
        raise SpeechMissing("there is no model")

    limits = Limits(idle_s=0.2, ping_s=0.05)
    async with SpeechEngine.open(find, limits=limits) as made:
        for _ in range(2):
            with pytest.raises(SpeechMissing):
                await hear(made, "一")
        assert states == ["idle", "missing"]  # not `loading`: it was not there yet
        with anyio.fail_after(60):
            while made.status.state != "idle":
                await anyio.lowlevel.checkpoint()
        assert made.status.error == ""
