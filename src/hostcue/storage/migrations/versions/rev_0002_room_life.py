"""how a room is watched and reached, and what must not be deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    with op.batch_alter_table("recordings") as table:
        table.add_column(sa.Column("monitor", sa.Boolean(), nullable=False, server_default="0"))
        table.add_column(sa.Column("schedule", sa.Text(), nullable=False, server_default="[]"))
        table.add_column(sa.Column("aligned", sa.Boolean(), nullable=False, server_default="0"))
        table.add_column(sa.Column("access_sealed", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("pinned", sa.Boolean(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take back."""
    with op.batch_alter_table("recordings") as table:
        for name in ("pinned", "access_sealed", "aligned", "schedule", "monitor"):
            table.drop_column(name)
