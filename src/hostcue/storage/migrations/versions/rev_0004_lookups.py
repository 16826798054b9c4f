"""what a server that has run for years is asked every few seconds, without reading whole tables."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_INDEXES = {
    "segment_index_by_age": ("segment_index", ["end_ts", "recording_id", "seq"]),
    "segment_index_by_creation": ("segment_index", ["created_at", "seq"]),
    "segment_index_by_size": ("segment_index", ["status", "bytes"]),
    "analyses_by_update": ("analyses", ["updated_at"]),
    "tips_by_recording": ("tips", ["recording_id", "row_id"]),
    "frames_by_segment": ("frames", ["recording_id", "seq", "at_ts"]),
}


def upgrade() -> None:
    """Apply."""
    for name, (table, columns) in _INDEXES.items():
        op.create_index(name, table, columns)


def downgrade() -> None:
    """Take back."""
    for name, (table, _) in _INDEXES.items():
        op.drop_index(name, table)
