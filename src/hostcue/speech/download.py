"""One try to get one file from one address."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import anyio.to_thread
import httpx2

from hostcue.log import redact_text
from hostcue.speech.catalogue import KnownFile
from hostcue.speech.shelf import in_mb

_BLOCK = 1 << 20
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
_COME_AGAIN = 500  # and above, and 429: the server's trouble, not what was asked for


class WentWrong(Exception):
    """It broke off; what came is kept, and asking again may bring the rest."""


class Useless(WentWrong):
    """This address does not have the file; it need not be asked again."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may take to answer a connection, and between two pieces, in seconds."""

    connect_s: float = 10.0
    stall_s: float = 30.0


async def download(
    http: httpx2.AsyncClient,
    url: str,
    partial: Path,
    file: KnownFile,
    patience: Patience,
    tell: Callable[[int], None],
) -> None:
    """Bring `partial` to its full size and make sure of its hash; what it holds is gone on with.

    Pieces of several servers may be put together: only the hash of the whole decides. Where it is
    wrong, this server is asked for all of it, and where that is wrong, too, nothing is kept. `tell`
    hears how long the file is by now.

    Raises:
        Useless: the server has no such file, or another one.
        WentWrong: no connection, or it broke off, or it fell silent.
        OSError: the disk is full, or whatever else it says; what came is kept.
    """
    for _ in range(2):
        with partial.open("ab") as target:
            sink = _Sink(target, tell)
            pieced = await sink.begin(partial)
            if sink.size < file.size_bytes:
                try:
                    await _receive(http, url, sink, file, patience)
                finally:
                    sink.flush()
            if sink.size == file.size_bytes and sink.sha256 == file.sha256:
                return
        _forget(partial)
        if not pieced:
            break
    raise Useless("sent something else (SHA-256)")


def _forget(partial: Path) -> None:
    partial.unlink()


async def _receive(
    http: httpx2.AsyncClient, url: str, sink: _Sink, file: KnownFile, patience: Patience
) -> None:
    have = sink.size
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
    timeout = httpx2.Timeout(patience.stall_s, connect=patience.connect_s)
    try:
        async with http.stream(
            "GET", url, headers=headers, follow_redirects=True, timeout=timeout
        ) as response:
            skip = have - _begins_at(response, have, file)
            async for block in response.aiter_raw():
                skip, fresh = max(0, skip - len(block)), block[skip:]
                if sink.size + len(fresh) > file.size_bytes:
                    raise Useless(f"has a file longer than {file.size_bytes} bytes")
                await sink.take(fresh)
    except httpx2.TimeoutException as exc:
        connecting = isinstance(exc, httpx2.ConnectTimeout)
        waited_s = patience.connect_s if connecting else patience.stall_s
        what = "did not answer" if connecting else "sent nothing more"
        raise WentWrong(f"{what} within {waited_s:g} s") from None
    except httpx2.TooManyRedirects:
        raise Useless("sends us round in circles") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as exc:  # `from None`: it carries the request
        raise WentWrong(redact_text(str(exc)) or type(exc).__name__) from None
    if sink.size < file.size_bytes:
        raise WentWrong(f"broke off at {in_mb(sink.size)} of {in_mb(file.size_bytes)}")


def _begins_at(response: httpx2.Response, have: int, file: KnownFile) -> int:
    """The place in the file that the answer begins with.

    Raises:
        WentWrong, Useless: it is no answer with the file.
    """
    status = response.status_code
    if status == httpx2.codes.TOO_MANY_REQUESTS or status >= _COME_AGAIN:
        raise WentWrong(f"HTTP {status}")
    if status not in {httpx2.codes.OK, httpx2.codes.PARTIAL_CONTENT}:
        raise Useless(f"HTTP {status}")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise Useless("sends it only in another encoding")
    if status == httpx2.codes.OK:
        length = response.headers.get("content-length", "")
        if length.isdecimal() and int(length) != file.size_bytes:
            raise Useless(f"has a file of {length} bytes, not {file.size_bytes}")
        return 0  # it knows no ranges: what is there already is passed over
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != have:
        raise Useless("answers with another part than it was asked for")
    if found[2] not in {"*", str(file.size_bytes)}:
        raise Useless(f"has a file of {found[2]} bytes, not {file.size_bytes}")
    return have


class _Sink:
    """Writes and hashes in blocks, in a thread, so that a slow disk holds up nobody else."""

    def __init__(self, target: BinaryIO, tell: Callable[[int], None]) -> None:
        self.size = 0
        self._target = target
        self._tell = tell
        self._digest = hashlib.sha256()
        self._waiting = bytearray()

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    async def begin(self, partial: Path) -> bool:
        """Take in what is there; whether that is anything."""
        await anyio.to_thread.run_sync(self._read, partial)
        return self.size > 0

    async def take(self, block: bytes) -> None:
        self._waiting += block
        self.size += len(block)
        if len(self._waiting) >= _BLOCK:
            await anyio.to_thread.run_sync(self.flush)
        self._tell(self.size)

    def flush(self) -> None:
        """Write what waits; the rest of a disk that fills up is filled, and gone on from later."""
        waiting, self._waiting = bytes(self._waiting), bytearray()
        self._target.write(waiting)
        self._target.flush()
        self._digest.update(waiting)

    def _read(self, partial: Path) -> None:
        with partial.open("rb") as file:
            while block := file.read(_BLOCK):
                self._digest.update(block)
                self.size += len(block)
