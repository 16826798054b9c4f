"""what the host says, how it was heard, and which spans were listened to."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_TEXTS = {
    "session_id": "",
    "source": "sent",
    "language": "",
    "emotion": "",
    "event": "",
    "flags": "[]",
    "corrections": "[]",
}
_NUMBERS = ("row_id", "created_at")


def upgrade() -> None:
    """Apply; older rows were sent by the user's own recogniser."""
    for name, default in _TEXTS.items():
        text = sa.Column(name, sa.Text(), nullable=False, server_default=default)
        op.add_column("utterances", text)
    for name in _NUMBERS:
        number = sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        op.add_column("utterances", number)
    op.add_column("utterances", sa.Column("confidence", sa.Float(), nullable=True))
    op.create_index("utterances_by_row", "utterances", ["row_id"])
    op.create_table(
        "speech_spans",
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("start_ts", sa.Integer(), nullable=False),
        sa.Column("end_ts", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("room_id", "source", "start_ts"),
    )
    op.add_column("analyses", sa.Column("speech_coverage", sa.Float(), nullable=True))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("analyses") as table:
        table.drop_column("speech_coverage")
    op.drop_table("speech_spans")
    op.drop_index("utterances_by_row", "utterances")
    with op.batch_alter_table("utterances") as table:
        for name in ("confidence", *_NUMBERS, *_TEXTS):
            table.drop_column(name)
