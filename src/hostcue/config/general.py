"""Settings of everything but speech."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    ByteSize,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from hostcue.model.disk import LineRules
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.model.retention import KeepRules

_SECRET_KEY_CHARS = 12
_WAYS = frozenset({"websocket", "polling", "browser"})


class GeneralSettings(BaseSettings):
    """Rooms, comments, the model, the disk and alarms."""

    model_config = SettingsConfigDict(
        env_prefix="HOSTCUE_",
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
        populate_by_name=True,
    )

    dashscope_api_key: SecretStr | None = Field(
        None,
        validation_alias="DASHSCOPE_API_KEY",
        description="Alibaba Cloud Model Studio key; without it tips come from templates.",
    )
    qwen_mm_model: str = Field(
        "qwen3-vl-plus", validation_alias="QWEN_MM_MODEL", description="Multimodal model."
    )
    records_root: Path = Field(
        Path("records"), validation_alias="RECORDS_ROOT", description="Where media goes."
    )
    douyin_cookie: SecretStr | None = Field(
        None, validation_alias="DOUYIN_COOKIE", description="Optional login cookie."
    )
    http_proxy: str | None = Field(
        None,
        validation_alias="HTTP_PROXY",
        description="Proxy for http, ws and rtmp; loopback never goes through a proxy.",
    )
    https_proxy: str | None = Field(
        None, validation_alias="HTTPS_PROXY", description="Proxy for https and wss."
    )
    no_proxy: str = Field(
        "",
        validation_alias="NO_PROXY",
        description="Comma-separated hosts, addresses and networks that are reached directly.",
    )
    token: SecretStr | None = Field(
        None,
        description="Bearer token of every request; without it only loopback is served.",
    )
    allowed_origins: str = Field(
        "", description="Comma-separated origins whose pages may call the API (CORS)."
    )
    data_dir: Path = Field(Path("data"), description="Database and keys.")
    secret_key: SecretStr | None = Field(
        None,
        description="Passphrase of at least 12 characters, or a Fernet key, that seals links, "
        "cookies and proxies in the database; default: `secret.key` in the data folder.",
    )
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of a SQLite file; default: `hostcue.db` in the data folder.",
    )
    douyin_web_url: str = Field("https://live.douyin.com", description="Web face of Douyin.")
    douyin_push_url: str = Field(
        "",
        description="Comment push server as `ws(s)://host:port`; empty: the one Douyin names.",
    )
    bilibili_cookie: SecretStr | None = Field(
        None,
        description="Optional login cookie of Bilibili; guests are shown masked names.",
    )
    bilibili_web_url: str = Field(
        "", description="Web face of Bilibili, both of its API hosts in one; empty: its own."
    )
    bilibili_push_url: str = Field(
        "",
        description="Comma-separated comment push servers as `ws(s)://host:port`, in the order to "
        "try; empty: those Bilibili names.",
    )
    comment_source: Literal["auto", "relay", "ingest", "replay"] = Field(
        "auto",
        description="Where comments of Douyin and Bilibili come from: `auto` (the platform), "
        "`relay` (another server that has them), `ingest` (only what is sent with "
        "POST /api/comments/ingest) or `replay` (a captured file).",
    )
    replay_file: str = Field(
        "selling_session",
        description="What `replay` plays for every room: a name of `GET "
        "/api/douyin/web/fixtures`, or the path of a `.frames` or `.jsonl` file.",
    )
    replay_speed: float = Field(
        1.0, ge=0.1, le=100, description="How many times as fast as it was recorded it is played."
    )
    capture_frames: bool = Field(
        False,
        description="Write what Douyin sends to `captures` in the data folder, as it comes, with "
        "names and ids of viewers in clear; can be replayed.",
    )
    douyin_comments: str = Field(
        "auto",
        description="Ways to Douyin's comments, comma-separated in the order to try: `websocket`, "
        "`polling`, `browser`; `auto`: all that are installed, in this order.",
    )
    douyin_signer_url: SecretStr | None = Field(
        None,
        description="A signature service of your own for Douyin's WebSocket: POST "
        '`{"stub", "user_agent"}`, answered by `{"signature"}`; default: hostcue signs.',
    )
    douyin_rooms_per_identity: int = Field(
        5,
        ge=1,
        le=100,
        description="Of so many Douyin rooms at once comments are read with one cookie and proxy; "
        "further ones wait for a place.",
    )
    douyin_connect_gap_s: float = Field(
        3.0,
        ge=0,
        le=600,
        description="At least so long, in seconds, lies between two comment connections with one "
        "cookie and proxy.",
    )
    browser_path: str = Field(
        "",
        description="Chromium or Chrome for the way `browser`; default: one that is installed.",
    )
    browser_cdp_url: SecretStr | None = Field(
        None,
        description="A browser of your own for the way `browser`, such as "
        "`http://127.0.0.1:9222`: it is used as it is, with its login, and never ended.",
    )
    relay_url: SecretStr | None = Field(
        None,
        description="Stream of server-sent events that `relay` reads; `{live_id}` and `{room_id}` "
        "in it stand for the room's. Another hostcue: its `/api/douyin/web/stream`, asked with "
        "`live_id={live_id}`.",
    )
    relay_token: SecretStr | None = Field(
        None, description="Bearer token for the relay; it is shown to nobody else."
    )
    relay_fields: str = Field(
        "",
        description="Where the relay's messages hold what, such as "
        "`content=data.text,user=data.sender.nick`; usual names are found without.",
    )
    raw_viewer_names: bool = Field(
        False,
        description="Keep and send viewers' whole names; default: only the first character. Their "
        "ids are never kept.",
    )
    keep_comments_days: float | None = Field(
        None,
        ge=1,
        description="Comments received longer ago, and what hosts said, are deleted, not the "
        "comments' counts per minute; default: never.",
    )
    intents_file: Path | None = Field(
        None,
        description="YAML file with the words by which comments are told apart (price, size, ...); "
        "default: those that come with hostcue, `comments/intents.yaml`.",
    )
    qwen_base_url: str | None = Field(
        None, description="Model endpoint; default: DashScope Beijing for the protocol chosen."
    )
    qwen_protocol: Literal["openai", "dashscope"] = Field(
        "openai", description="`openai` (any compatible server) or `dashscope` (native, extra)."
    )
    model_backoff_s: float = Field(
        1.0, ge=0, le=60, description="First wait before a model call is tried again; it doubles."
    )
    poll_s: float = Field(
        30.0,
        ge=0.1,
        le=3600,
        description="How often, in seconds, a monitored room is asked for that is not live.",
    )
    max_recordings: int = Field(16, ge=1, le=1000, description="Concurrent recordings.")
    min_free_bytes: ByteSize | None = Field(
        None,
        description="Recording pauses when the disk has less left, such as `2GiB`; default: half "
        "an hour of writing, at least 5 GiB (the half of the resume line if that is set).",
    )
    resume_free_bytes: ByteSize | None = Field(
        None,
        description="It goes on when the disk has more again; default: an hour of writing, at "
        "least 10 GiB (the double of the pause line if that is set).",
    )
    disk_hold_s: float = Field(
        60.0,
        ge=0,
        le=3600,
        description="How long, in seconds, that space must be back first; after a write that "
        "failed the first wait, which doubles up to half an hour.",
    )
    keep_days: float | None = Field(
        None, gt=0, description="Recordings older than this are deleted; default: never."
    )
    keep_bytes: ByteSize | None = Field(
        None,
        gt=0,
        description="The oldest are deleted until all are no larger than this together; "
        "default: never.",
    )
    keep_free_bytes: ByteSize | None = Field(
        None,
        gt=0,
        description="The oldest are deleted when the disk has less left, until it has so much; "
        "default: never. At least the resume line.",
    )
    notify_urls: SecretStr | None = Field(
        None,
        description="Apprise URLs of chat channels, mail and the like to be told of alarms, "
        "separated by commas or spaces; needs the extra `notify`.",
    )
    webhook_urls: SecretStr | None = Field(
        None, description="Comma-separated http(s) addresses that get each alarm as signed JSON."
    )
    webhook_secret: SecretStr | None = Field(
        None, description="What webhooks are signed with: at least 16 characters."
    )
    notify_language: Literal["zh", "en"] = Field(
        "zh", description="Language of the messages: Chinese or English."
    )
    gap_alarm_s: float = Field(
        60.0, ge=1, le=86400, description="A gap that lasts longer, in seconds, is an alarm."
    )
    allow_private_urls: bool = Field(
        False, description="Accept live URLs and redirects into private networks and loopback."
    )
    tz: str | None = Field(
        None, description="Zone of folder and file names, such as `Asia/Shanghai`; default: system."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people or machines."
    )

    @field_validator("secret_key")
    @classmethod
    def _hard_to_guess(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value().strip()) < _SECRET_KEY_CHARS:
            raise ValueError(f"must have at least {_SECRET_KEY_CHARS} characters")
        return value

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("not a time zone, write it like Asia/Shanghai") from None
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _whole_origins(cls, value: str) -> str:
        """With `*` or a path no page would match, or every page would."""
        for origin in filter(None, map(str.strip, value.split(","))):
            scheme, mark, host = origin.rstrip("/").partition("://")
            if not (scheme and mark and host) or "*" in host or "/" in host:
                raise ValueError("name each origin, like https://example.com, not all or a path")
        return value

    @field_validator("resume_free_bytes")
    @classmethod
    def _above_the_pause(cls, value: int | None, info: ValidationInfo) -> int | None:
        if value is not None and value <= (info.data.get("min_free_bytes") or 0):
            raise ValueError("must be above HOSTCUE_MIN_FREE_BYTES")
        return value

    @field_validator("keep_free_bytes")
    @classmethod
    def _above_the_lines(cls, value: int | None, info: ValidationInfo) -> int | None:
        lines = LineRules(info.data.get("min_free_bytes"), info.data.get("resume_free_bytes"))
        if value is not None and value < lines.least_resume():
            raise ValueError(
                f"must be at least HOSTCUE_RESUME_FREE_BYTES (here {lines.least_resume()}): "
                "recording would pause before anything is deleted"
            )
        return value

    @field_validator("douyin_comments")
    @classmethod
    def _known_ways(cls, value: str) -> str:
        ways = _listed(value)
        if ways != ("auto",) and (not ways or not set(ways) <= _WAYS or len(set(ways)) < len(ways)):
            raise ValueError("name each once, of websocket, polling and browser, or write auto")
        return value

    @property
    def line_rules(self) -> LineRules:
        """What is said of the disk's lines."""
        return LineRules(self.min_free_bytes, self.resume_free_bytes, self.keep_free_bytes)

    @property
    def keep_rules(self) -> KeepRules:
        """What may be deleted."""
        return KeepRules(self.keep_days, self.keep_bytes, self.keep_free_bytes)

    @property
    def proxies(self) -> Proxies:
        """The proxies, as every client gets them."""
        bypass = tuple(rule.strip() for rule in self.no_proxy.split(",") if rule.strip())
        return Proxies(self.http_proxy, self.https_proxy, bypass)

    @property
    def douyin_ways(self) -> tuple[str, ...]:
        """The ways to Douyin's comments by name, in their order; empty for `auto`."""
        ways = _listed(self.douyin_comments)
        return () if ways == ("auto",) else ways

    @property
    def bilibili_push_urls(self) -> tuple[str, ...]:
        """Bilibili's push servers in the order to try; empty for those that it names."""
        return _listed(self.bilibili_push_url)

    @property
    def address_policy(self) -> AddressPolicy:
        """What live URLs may point to."""
        return AddressPolicy(allow_private=self.allow_private_urls)

    @property
    def origins(self) -> tuple[str, ...]:
        """The CORS list."""
        return tuple(
            origin.strip().rstrip("/")
            for origin in self.allowed_origins.split(",")
            if origin.strip()
        )

    @property
    def sqlite_url(self) -> str:
        """The database URL in force."""
        return self.database_url or f"sqlite:///{self.data_dir / 'hostcue.db'}"


def _listed(value: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in value.split(",") if part.strip())
