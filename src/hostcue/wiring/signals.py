"""Which signals ask a process to stop."""

from __future__ import annotations

import signal
import sys

STOP_SIGNALS = {signal.SIGTERM, signal.SIGINT}
if sys.platform == "win32":
    STOP_SIGNALS.add(signal.SIGBREAK)  # Ctrl-Break: the one that reaches a process by its group
