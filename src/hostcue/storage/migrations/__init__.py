"""Alembic revisions, one file each in `versions/`; `HEAD` spares a start-up loading alembic."""

from __future__ import annotations

HEAD = "0006"
