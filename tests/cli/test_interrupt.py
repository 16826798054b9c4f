"""Ctrl-C at any early moment ends a command quietly."""

from __future__ import annotations

import os
import signal
import socket
import sys
from pathlib import Path

import anyio
import pytest
from anyio.streams.text import TextReceiveStream

MOMENTS = [
    ("tips", "structlog"),
    ("tips", "pydantic"),
    ("record", "anyio"),
    ("record", "hostcue.recording.recorder"),
    ("serve", "fastapi"),
    ("serve", "hostcue.storage.database"),
]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no SIGINT to one process")
@pytest.mark.parametrize(("command", "module"), MOMENTS)
async def test_ctrl_c_while_modules_load_says_nothing(
    tmp_path: Path, command: str, module: str
) -> None:
    silent = socket.create_server(("127.0.0.1", 0))  # so that no command ends by itself before
    url = f"http://127.0.0.1:{silent.getsockname()[1]}"
    arguments = {
        "tips": ["--server", url],
        "record": [f"{url}/a.flv"],
        "serve": ["--port", "0"],
    }[command]
    said: list[str] = []
    process = await anyio.open_process(
        [sys.executable, "-X", "importtime", "-m", "hostcue", command, *arguments],
        cwd=tmp_path,
        env={
            "PATH": os.environ["PATH"],
            "HOSTCUE_DATA_DIR": str(tmp_path / "data"),
            "HOSTCUE_ALLOW_PRIVATE_URLS": "true",
        },
    )
    try:
        assert process.stderr is not None
        with anyio.fail_after(30):
            sent, text = False, ""
            async for chunk in TextReceiveStream(process.stderr, errors="replace"):
                text += chunk
                *lines, text = text.split("\n")
                said += (line for line in lines if not line.startswith("import time:"))
                if not sent and any(line.endswith(f" {module}") for line in lines):
                    process.send_signal(signal.SIGINT)
                    sent = True
            await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
        await process.aclose()
        silent.close()
    assert sent, "the module was never loaded"
    # a shell calls both 130; the second is a signal that came while the interpreter was leaving
    assert process.returncode in {130, -signal.SIGINT}, said
    assert not [line for line in said if "Traceback" in line or "KeyboardInterrupt" in line]
