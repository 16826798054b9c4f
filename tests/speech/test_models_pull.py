"""Pulling a model from mirrors that do all that mirrors do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import anyio
import pytest
from anyio.streams.buffered import BufferedByteReceiveStream
from model_shop import MODEL, TOKENS, Goods, content, goods, shelf_of
from small_disk import MIB, small_disk

from hostcue.errors import ConfigError, Conflict, DiskFull, TransportFailed
from hostcue.model.network import Proxies
from hostcue.platforms.http import open_http
from hostcue.sim.model_mirror import ModelMirror
from hostcue.speech.download import Patience
from hostcue.speech.pull import Progress, Puller
from hostcue.speech.shelf import Shelf
from hostcue.speech.shelving import alone, remove

SHORT = Patience(connect_s=5, stall_s=0.3)
LONG = Patience(connect_s=30, stall_s=30)
DIRECT = Proxies()


class Shop:
    """Two mirrors of one model, and the shelf it goes to."""

    def __init__(self, first: ModelMirror, second: ModelMirror, folder: Path) -> None:
        self.first, self.second = first, second
        self.goods = goods("small", first.url, second.url)
        for mirror in (first, second):
            mirror.files = self.goods.served()
        self.shelf = shelf_of(folder, self.goods)
        self.told: list[Progress] = []

    @property
    def folder(self) -> Path:
        return self.shelf.place("small", "r1")

    @property
    def partial(self) -> Path:
        return self.folder / f"{MODEL}.partial"

    async def pull(self, *, source: str = "", patience: Patience = LONG) -> bool:
        return await pulled(self.shelf, self.goods, source, patience, self.told)

    def is_whole(self) -> bool:
        held = self.shelf.held("small")
        assert held is not None
        assert not list(self.folder.glob("*.partial"))
        return held.state == "ready" and self.shelf.verify(held) == {}


async def pulled(
    shelf: Shelf,
    wanted: Goods,
    source: str = "",
    patience: Patience = LONG,
    told: list[Progress] | None = None,
    proxies: Proxies = DIRECT,
) -> bool:
    tell = (lambda _: None) if told is None else told.append
    with anyio.fail_after(60):
        async with open_http(proxies) as http:
            puller = Puller(shelf, http, source=source, tell=tell, patience=patience)
            return await puller.pull(wanted.entry)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(ModelMirror.open())
        second = await stack.enter_async_context(ModelMirror.open())
        yield Shop(first, second, tmp_path / "models")


async def test_a_model_comes_from_the_first_mirror_and_is_noted(shop: Shop) -> None:
    assert await shop.pull()
    assert shop.is_whole()
    assert shop.second.asked == []
    noted = json.loads((shop.folder / "manifest.json").read_text())
    model = noted["files"][0]
    assert (model["name"], model["size_bytes"]) == (MODEL, 200_000)
    assert model["sha256"] == shop.goods.entry.files[0].sha256
    assert model["url"] == f"{shop.first.url}/{MODEL}"
    assert (noted["licence"], noted["known"]) == ("Test Licence 1.0", True)
    assert noted["pulled_at"].endswith("Z")


async def test_progress_is_told_over_all_files(shop: Shop) -> None:
    await shop.pull()
    done = [progress.done_bytes for progress in shop.told]
    assert done == sorted(done)
    assert (done[-1], shop.told[-1].total_bytes) == (200_500, 200_500)
    assert {progress.host for progress in shop.told} == {"127.0.0.1"}


async def test_what_is_there_is_not_asked_for_again(shop: Shop) -> None:
    await shop.pull()
    asked = len(shop.first.asked)
    assert not await shop.pull()
    assert len(shop.first.asked) == asked


async def test_a_file_that_was_changed_meanwhile_is_fetched_anew(shop: Shop) -> None:
    await shop.pull()
    (shop.folder / MODEL).write_bytes(b"\0" * 200_000)
    assert await shop.pull()
    assert [asked.path for asked in shop.first.asked].count(f"/{MODEL}") == 2
    assert shop.is_whole()


Fault = Literal["404", "500", "wrong", "longer", "shorter", "cut", "reset", "stall", "ring"]


def break_(mirror: ModelMirror, fault: Fault) -> None:
    match fault:
        case "404" | "500":
            mirror.status = int(fault)
        case "wrong":
            mirror.files[f"/{MODEL}"] = content("another", 200_000)
        case "longer":
            mirror.files[f"/{MODEL}"], mirror.length = content("small", 200_000) + b"!", False
        case "shorter":
            mirror.files[f"/{MODEL}"] = content("small", 200_000)[:-1]
        case "cut":
            mirror.cut_at, mirror.length = 100_000, False
        case "reset":
            mirror.reset_at = 100_000
        case "stall":
            mirror.stall_at = 100_000
        case "ring":
            mirror.redirect = mirror.url


FAULTS: list[Fault] = ["404", "500", "wrong", "longer", "shorter", "cut", "reset", "stall", "ring"]


@pytest.mark.parametrize("fault", FAULTS)
async def test_where_one_mirror_fails_the_next_one_goes_on(shop: Shop, fault: Fault) -> None:
    break_(shop.first, fault)
    assert await shop.pull(patience=SHORT if fault == "stall" else LONG)
    assert shop.is_whole()
    assert shop.second.asked


@pytest.mark.parametrize("fault", ["cut", "reset", "stall"])
async def test_what_came_is_not_asked_for_again(shop: Shop, fault: Fault) -> None:
    break_(shop.first, fault)
    await shop.pull(patience=SHORT if fault == "stall" else LONG)
    ranges = [asked.begin for asked in shop.second.asked if asked.path == f"/{MODEL}"]
    assert ranges
    assert ranges[0] is not None
    assert 0 < ranges[0] <= 100_000  # a reset may take the last bytes with it


async def test_a_mirror_without_ranges_is_read_from_the_beginning(shop: Shop) -> None:
    shop.first.reset_at = 100_000
    shop.second.ranges = False
    assert await shop.pull()
    assert shop.is_whole()


async def test_pieces_that_do_not_fit_together_are_fetched_as_a_whole(shop: Shop) -> None:
    shop.first.files[f"/{MODEL}"] = content("another", 200_000)
    shop.first.cut_at, shop.first.length = 100_000, False
    assert await shop.pull()
    assert shop.is_whole()
    ranges = [asked.begin for asked in shop.second.asked if asked.path == f"/{MODEL}"]
    assert ranges == [100_000, None]


async def test_a_line_that_breaks_again_and_again_gets_there(shop: Shop) -> None:
    """As long as each round brings something; here each answer has 70,000 bytes more."""
    shop.second.status = 404

    async def lengthen() -> None:
        for round_ in range(1, 4):
            shop.first.reset_at = 70_000 * round_ if round_ < 3 else None
            await shop.first.wait_asked(round_ + 1)

    shop.first.reset_at = 70_000
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lengthen)
        assert await shop.pull()
        tasks.cancel_scope.cancel()
    assert shop.is_whole()


async def test_when_all_fail_it_says_what_each_said_and_keeps_what_came(shop: Shop) -> None:
    shop.first.status = 404
    shop.second.stall_at = 150_000
    with pytest.raises(TransportFailed) as failed:
        await shop.pull(patience=SHORT)
    assert f"{shop.first.url}/{MODEL}: HTTP 404" in failed.value.message
    assert f"{shop.second.url}/{MODEL}: sent nothing more within 0.3 s" in failed.value.message
    assert failed.value.remedy is not None
    assert "--source" in failed.value.remedy
    assert shop.partial.stat().st_size == 150_000
    held = shop.shelf.held("small")
    assert held is not None
    assert held.state == "partial"


async def test_nobody_there_is_said_of_each(tmp_path: Path) -> None:
    wanted = goods("small", "http://127.0.0.1:9", "http://localhost:9")
    with pytest.raises(TransportFailed, match=r"(?s)127\.0\.0\.1:9.*localhost:9"):
        await pulled(shelf_of(tmp_path, wanted), wanted)


async def test_a_source_of_ones_own_is_asked_alone_by_id_first(shop: Shop) -> None:
    async with ModelMirror.open(shop.goods.served(below="/models/small")) as own:
        assert await shop.pull(source=f"{own.url}/models/")
    assert [asked.path for asked in own.asked] == [
        f"/models/small/{MODEL}",
        f"/models/small/{TOKENS}",
    ]
    assert shop.first.asked == shop.second.asked == []


async def test_a_source_may_hold_the_files_of_one_model_alone(shop: Shop) -> None:
    async with ModelMirror.open(shop.goods.served()) as own:
        assert await shop.pull(source=own.url)
    assert shop.is_whole()


@pytest.mark.parametrize("source", ["ftp://a/b", "models", "http://", "http://a/?key=secret"])
async def test_a_source_that_is_no_address_is_refused(shop: Shop, source: str) -> None:
    with pytest.raises(ConfigError) as refused:
        await shop.pull(source=source)
    assert refused.value.field == "HOSTCUE_MODEL_MIRROR"
    assert "secret" not in refused.value.message


async def test_a_password_in_the_source_is_told_to_nobody(shop: Shop) -> None:
    async with ModelMirror.open(shop.goods.served()) as own:
        address = own.url.replace("//", "//me:hunter2@")
        await shop.pull(source=address)
        assert own.asked[0].headers["authorization"].startswith("Basic ")
        assert "hunter2" not in (shop.folder / "manifest.json").read_text()
        remove(shop.shelf, "small")
        own.status = 404
        with pytest.raises(TransportFailed) as failed:
            await shop.pull(source=address)
    assert "hunter2" not in failed.value.message


async def test_the_proxy_is_used_but_not_for_this_machine(tmp_path: Path) -> None:
    wanted = goods("small", "http://models.invalid/files")
    async with ModelMirror.open(wanted.served(below="/files")) as proxy:
        proxies = Proxies(http=proxy.url)
        assert await pulled(shelf_of(tmp_path, wanted), wanted, proxies=proxies)
    assert proxy.asked[0].target == f"http://models.invalid/files/{MODEL}"


async def test_a_redirect_is_followed_with_the_range(shop: Shop) -> None:
    shop.first.redirect = shop.second.url
    shop.folder.mkdir(parents=True)
    shop.partial.write_bytes(content("small", 200_000)[:50_000])
    assert await shop.pull()
    assert shop.second.asked[0].begin == 50_000
    assert shop.is_whole()


async def test_two_pulls_at_once_are_one(shop: Shop) -> None:
    with alone(shop.shelf.folder, "small"), pytest.raises(Conflict, match="process"):
        await shop.pull()
    assert shop.first.asked == []
    assert await shop.pull()


async def test_a_full_disk_is_seen_before_anything_is_asked(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_mib=8) as disk:
        wanted = goods("small", "http://127.0.0.1:9")
        huge = replace(wanted.entry.files[0], size_bytes=disk.free_bytes + 100 * MIB)
        large = replace(wanted, entry=replace(wanted.entry, files=(huge,)))
        with pytest.raises(DiskFull, match="are needed"):
            await pulled(shelf_of(disk.folder, large), large)


async def test_a_disk_that_fills_up_meanwhile_leaves_what_came(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size_mib=12) as disk:
        if not disk.own:
            pytest.skip("needs a disk of its own")
        async with ModelMirror.open() as mirror:
            wanted = goods("large", mirror.url, size=8 * MIB)
            mirror.files, mirror.stall_at = wanted.served(), 4 * MIB
            shelf = shelf_of(disk.folder / "models", wanted)
            partial = shelf.place("large", "r1") / f"{MODEL}.partial"
            with pytest.raises(TransportFailed):
                await pulled(shelf, wanted, patience=SHORT)
            came = partial.stat().st_size
            mirror.heal()

            def fill(progress: Progress) -> None:
                if progress.done_bytes > came and not (disk.folder / "ballast").exists():
                    disk.fill(disk.free_bytes - MIB)

            async with open_http(DIRECT) as http:
                with anyio.fail_after(60), pytest.raises(DiskFull, match="kept"):
                    await Puller(shelf, http, tell=fill, patience=LONG).pull(wanted.entry)
            assert partial.stat().st_size >= came
            disk.make_room()
            assert await pulled(shelf, wanted)


async def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    wanted = goods("small", "http://127.0.0.1:9")
    (tmp_path / "models").write_text("a file")
    with pytest.raises(ConfigError) as refused:
        await pulled(shelf_of(tmp_path / "models", wanted), wanted)
    assert refused.value.field == "HOSTCUE_DATA_DIR"


PULL = """
import sys
from pathlib import Path
import anyio
from model_shop import goods, shelf_of
from hostcue.model.network import Proxies
from hostcue.platforms.http import open_http
from hostcue.speech.pull import Puller

async def main():
    wanted = goods("small", sys.argv[1], size=4 << 20)
    def tell(progress):
        print(progress.done_bytes, flush=True)
    async with open_http(Proxies()) as http:
        await Puller(shelf_of(Path(sys.argv[2]), wanted), http, tell=tell).pull(wanted.entry)

anyio.run(main)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to one process")
@pytest.mark.parametrize(("sign", "kept"), [("SIGINT", 3 * MIB), ("SIGKILL", 2 * MIB)])
async def test_a_pull_that_is_ended_goes_on_where_it_was(
    tmp_path: Path, sign: str, kept: int
) -> None:
    """After Ctrl-C with every byte that came, after a kill with those that had been written."""
    async with ModelMirror.open() as mirror:
        wanted = goods("small", mirror.url, size=4 * MIB)
        mirror.files, mirror.stall_at = wanted.served(), 3 * MIB
        process = await anyio.open_process(
            [sys.executable, "-c", PULL, mirror.url, str(tmp_path)],
            stderr=subprocess.DEVNULL,
            env={"PYTHONPATH": str(Path(__file__).parents[1] / "support")},
        )
        async with process:
            assert process.stdout is not None
            with anyio.fail_after(60):
                lines = BufferedByteReceiveStream(process.stdout)
                while int(await lines.receive_until(b"\n", 100)) < 3 * MIB:
                    pass
                process.send_signal(getattr(signal, sign))
                await process.wait()
        shelf = shelf_of(tmp_path, wanted)
        came = (shelf.place("small", "r1") / f"{MODEL}.partial").stat().st_size
        assert came >= kept
        mirror.heal()
        mirror.asked.clear()
        assert await pulled(shelf, wanted)
        assert mirror.asked[0].begin == came
    held = shelf.held("small")
    assert held is not None
    assert shelf.verify(held) == {}
