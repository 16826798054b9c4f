"""Writes SOURCE to PART in FORMAT as a worker does, and dies before the file is complete."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import cast

from hostcue.model.recording import SaveFormat
from hostcue.recording.measure import open_file
from hostcue.recording.segment_file import SegmentFile

source = open_file(Path(sys.argv[1]))
file = SegmentFile(Path(sys.argv[2]), cast("SaveFormat", sys.argv[3]), source.streams)
for packet in source.packets():
    file.write(packet, 0.0)
os._exit(0)
