"""Every table; contract names (`start_ts`, `platform_key`, ...) are spelled here and nowhere else.

`*_ts`, `ts` and `*_at` are Unix milliseconds. `row_id` of `comments` and `utterances` and `id` of
`events` come from one sequence (`database.Transaction.next_id`), so that one number says how far a
client of an event stream has read, whatever the rows are.
"""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData()

recordings = Table(
    "recordings",
    metadata,
    Column("id", Text, primary_key=True),
    Column("link", Text, nullable=False),  # for people: without signed parts
    Column("link_sealed", LargeBinary, nullable=False),  # as given, encrypted
    Column("segment_s", Integer, nullable=False),
    Column("quality", Text, nullable=False),
    Column("quality_got", Text, nullable=False),
    Column("save_format", Text, nullable=False),
    Column("comments", Boolean, nullable=False),
    Column("given_name", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("live_id", Text, nullable=False),
    Column("room_id", Text, nullable=False),
    Column("anchor_name", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("output", Text, nullable=False),
    Column("started_at", Integer, nullable=False),
    Column("state", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("since_ts", Integer, nullable=False),
    Column("wanted", Boolean, nullable=False),
    Column("monitor", Boolean, nullable=False, server_default="0"),
    Column("schedule", Text, nullable=False, server_default="[]"),  # JSON list
    Column("aligned", Boolean, nullable=False, server_default="0"),
    Column("access_sealed", LargeBinary),  # cookie and proxy, a JSON object, encrypted
    Column("pinned", Boolean, nullable=False, server_default="0"),
)

segment_index = Table(
    "segment_index",
    metadata,
    Column("recording_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("start_ts", Integer, nullable=False),
    Column("end_ts", Integer, nullable=False),
    Column("room_id", Text, nullable=False),
    Column("anchor_name", Text, nullable=False),
    Column("platform_key", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("duration_ms", Integer, nullable=False),
    Column("bytes", Integer, nullable=False),
    Column("video_codec", Text, nullable=False),
    Column("audio_codec", Text, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("fps", Float, nullable=False),
    Column("status", Text, nullable=False),
    Index("segment_index_by_room", "room_id", "start_ts"),
    Index("segment_index_by_age", "end_ts", "recording_id", "seq"),
    Index("segment_index_by_creation", "created_at", "seq"),
    Index("segment_index_by_size", "status", "bytes"),
)

open_segments = Table(
    "open_segments",
    metadata,
    Column("recording_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("path", Text, nullable=False),
    Column("start_ts", Integer, nullable=False),
)

gaps = Table(
    "gaps",
    metadata,
    Column("subject", Text, primary_key=True),  # a recording id, or `comments:{platform}:{room_id}`
    Column("start_ts", Integer, primary_key=True),
    Column("end_ts", Integer),
    Column("cause", Text, nullable=False),
)

comments = Table(
    "comments",
    metadata,
    Column("row_id", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("user", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("ts", Integer, nullable=False),
    Column("room_id", Text, nullable=False),
    Column("platform", Text, nullable=False),
    Column("metadata", Text, nullable=False),  # JSON object of strings
    Column("kind", Text, nullable=False),
    Column("received_at", Integer, nullable=False),
    Column("viewer", Text, nullable=False, server_default=""),  # a keyed hash; empty: not known
    UniqueConstraint("platform", "room_id", "id", name="comments_once"),
    Index("comments_by_time", "room_id", "ts", "row_id"),
)

comment_minutes = Table(
    "comment_minutes",
    metadata,
    Column("room_id", Text, primary_key=True),
    Column("start_ts", Integer, primary_key=True),  # a whole minute
    Column("chats", Integer, nullable=False),
    Column("likes", Integer, nullable=False),
    Column("enters", Integer, nullable=False),
    Column("follows", Integer, nullable=False),
    Column("gifts", Integer, nullable=False),
    Column("diamonds", Integer, nullable=False),
    Column("online", Integer),  # the last number told in the minute; null: none was
    Column("online_ts", Integer),
    Column("online_peak", Integer),
    Column("came", Integer),  # since the broadcast began, as the platform counts
    Column("viewers", LargeBinary, nullable=False),  # a sketch that counts without naming
)

utterances = Table(
    "utterances",
    metadata,
    Column("room_id", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("start_ts", Integer, nullable=False),
    Column("end_ts", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("row_id", Integer, nullable=False, server_default="0"),  # 0: before events told of it
    Column("session_id", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default="sent"),
    Column("language", Text, nullable=False, server_default=""),
    Column("emotion", Text, nullable=False, server_default=""),
    Column("event", Text, nullable=False, server_default=""),
    Column("confidence", Float),
    Column("flags", Text, nullable=False, server_default="[]"),  # JSON list
    Column("corrections", Text, nullable=False, server_default="[]"),  # JSON list of objects
    Column("created_at", Integer, nullable=False, server_default="0"),
    Index("utterances_by_time", "room_id", "start_ts"),
    Index("utterances_by_row", "row_id"),
)

speech_spans = Table(
    "speech_spans",
    metadata,
    Column("room_id", Text, primary_key=True),
    Column("source", Text, primary_key=True),  # heard `live` or `offline`
    Column("start_ts", Integer, primary_key=True),
    Column("end_ts", Integer, nullable=False),
)

analyses = Table(
    "analyses",
    metadata,
    Column("recording_id", Text, primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("run", Integer, primary_key=True),  # 0, then one more for each forced run
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("input_tokens", Integer),
    Column("output_tokens", Integer),
    Column("latency_ms", Integer),
    Column("model_ms", Integer),
    Column("comments_seen", Integer, nullable=False),
    Column("frames_seen", Integer, nullable=False),
    Column("comment_coverage", Float, nullable=False),
    Column("speech_coverage", Float),  # null: nobody listened
    Column("created_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Index("analyses_by_update", "updated_at"),
)

tips = Table(
    "tips",
    metadata,
    Column("row_id", Integer, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False, unique=True),
    Column("room_id", Text, nullable=False),
    Column("recording_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("run", Integer, nullable=False),
    Column("place", Integer, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("text", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("tags", Text, nullable=False),  # JSON list
    Column("score", Float, nullable=False),
    Column("source", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("evidence", Text, nullable=False),  # JSON object
    UniqueConstraint("recording_id", "seq", "run", "place", name="tips_once"),
    Index("tips_by_room", "room_id", "row_id"),
    Index("tips_by_recording", "recording_id", "row_id"),
)

frames = Table(
    "frames",
    metadata,
    Column("id", Text, primary_key=True),
    Column("recording_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("at_ts", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("jpeg", LargeBinary, nullable=False),
    Index("frames_by_segment", "recording_id", "seq", "at_ts"),
)

events = Table(
    "events",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("stream", Text, nullable=False),
    Column("subject", Text, nullable=False),  # a recording id, or a room id
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON object
    Column("created_at", Integer, nullable=False),
    Index("events_by_stream", "stream", "id"),
)

horizons = Table(
    "horizons",
    metadata,
    Column("stream", Text, primary_key=True),
    Column("id", Integer, nullable=False),  # events up to here may be gone
)

alarms = Table(
    "alarms",
    metadata,
    Column("kind", Text, primary_key=True),
    Column("subject", Text, primary_key=True),  # a recording id, or `disk`
    Column("holds", Boolean, nullable=False),
    Column("since_ts", Integer, nullable=False),
    Column("facts", Text, nullable=False),  # JSON object
    Column("told", Boolean, nullable=False),
    Column("told_at", Integer, nullable=False),  # 0: never
    Column("notification_id", Text, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("row_id", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("target_id", Text, nullable=False),
    Column("target_kind", Text, nullable=False),
    Column("target_label", Text, nullable=False),  # without secrets
    Column("notification_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("created_at", Integer, nullable=False),
    Column("title", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("data", Text, nullable=False),  # JSON object
    Column("alarm_id", Text, nullable=False),  # whose end it tells; empty: an alarm itself
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("due_at", Integer, nullable=False),
    Column("updated_at", Integer, nullable=False),
    Index("deliveries_by_target", "target_id", "state", "row_id"),
    Index("deliveries_by_notification", "notification_id", "target_id"),
)

cursors = Table(
    "cursors",
    metadata,
    Column("reader", Text, primary_key=True),
    Column("id", Integer, nullable=False),  # of the last event read
)
