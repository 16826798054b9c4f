"""Which browser there is to use on this machine."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from typing import Final

from hostcue.errors import BrowserMissing

EXTRA_REMEDY: Final = "pip install 'hostcue[browser]'"
BROWSER_REMEDY: Final = (
    "install Chromium or Chrome (Debian: apt install chromium), name it in HOSTCUE_BROWSER_PATH, "
    "or let hostcue use yours: HOSTCUE_BROWSER_CDP_URL"
)

_NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "microsoft-edge",
    "msedge",
)
_USUAL_PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:/Program Files/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Google/Chrome/Application/chrome.exe",
    "C:/Program Files (x86)/Microsoft/Edge/Application/msedge.exe",
)


def extra_installed() -> bool:
    """Whether the extra is there; it is not loaded by asking."""
    return find_spec("playwright") is not None


def find_browser(path: str = "") -> str:
    """The program to run: the one that the settings name, or else a usual one.

    Raises:
        BrowserMissing: there is none.
    """
    if path:
        if found := shutil.which(path):
            return found
        raise BrowserMissing(
            "HOSTCUE_BROWSER_PATH names no program that can be run",
            field="HOSTCUE_BROWSER_PATH",
            remedy=BROWSER_REMEDY,
        )
    on_path = filter(None, map(shutil.which, _NAMES))
    usual = filter(os.path.exists, _USUAL_PLACES)
    if found := next(on_path, None) or next(usual, None):
        return found
    raise BrowserMissing("no Chromium or Chrome is installed here", remedy=BROWSER_REMEDY)
