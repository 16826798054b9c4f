"""who wrote a comment without saying who, and what happened in each minute."""

from __future__ import annotations

import sqlite3

import sqlalchemy as sa
from alembic import op

from hostcue.model.json_text import strings_from, to_json
from hostcue.model.person_fields import person_fields

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MASKED = """
UPDATE comments SET
  user = CASE WHEN user = '' THEN '' ELSE substr(user, 1, 1) || '***' END,
  content = CASE WHEN kind = 'chat' THEN content
    ELSE replace(content, user, substr(user, 1, 1) || '***') END,
  metadata = without_persons(metadata)
"""
_COUNTED = """
INSERT INTO comment_minutes (
  room_id, start_ts, chats, likes, enters, follows, gifts, diamonds, viewers
)
SELECT room_id, ts - ts % 60000, sum(kind = 'chat'), 0, 0, sum(kind = 'follow'),
  sum(CASE WHEN kind = 'gift'
    THEN max(0, min(CAST(coalesce(json_extract(metadata, '$.count'), 1) AS INTEGER), 1000000000))
    ELSE 0 END),
  sum(CASE WHEN kind = 'gift' THEN
    max(0, min(CAST(coalesce(json_extract(metadata, '$.diamonds'), 0) AS INTEGER), 1000000000))
    ELSE 0 END),
  x''
FROM comments GROUP BY room_id, ts - ts % 60000
"""


def upgrade() -> None:
    """Apply; names that were kept whole are masked, and who wrote older comments is not known."""
    with op.batch_alter_table("comments") as table:
        table.add_column(sa.Column("viewer", sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "comment_minutes",
        sa.Column("room_id", sa.Text(), nullable=False),
        sa.Column("start_ts", sa.Integer(), nullable=False),
        sa.Column("chats", sa.Integer(), nullable=False),
        sa.Column("likes", sa.Integer(), nullable=False),
        sa.Column("enters", sa.Integer(), nullable=False),
        sa.Column("follows", sa.Integer(), nullable=False),
        sa.Column("gifts", sa.Integer(), nullable=False),
        sa.Column("diamonds", sa.Integer(), nullable=False),
        sa.Column("online", sa.Integer(), nullable=True),
        sa.Column("online_ts", sa.Integer(), nullable=True),
        sa.Column("online_peak", sa.Integer(), nullable=True),
        sa.Column("came", sa.Integer(), nullable=True),
        sa.Column("viewers", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("room_id", "start_ts"),
    )
    op.execute("PRAGMA secure_delete=ON")  # else pieces of names stay between the rows
    raw = op.get_bind().connection.dbapi_connection
    assert isinstance(raw, sqlite3.Connection)  # noqa: S101 - no other database is opened
    raw.create_function("without_persons", 1, _without_persons, deterministic=True)
    op.execute(_MASKED)
    op.execute(_COUNTED)


def downgrade() -> None:
    """Take back; names stay masked."""
    op.drop_table("comment_minutes")
    with op.batch_alter_table("comments") as table:
        table.drop_column("viewer")


def _without_persons(metadata: str) -> str:
    fields = strings_from(metadata)
    persons = person_fields(tuple(fields))
    return to_json({name: value for name, value in fields.items() if name not in persons})
