"""Settings: the environment variables, their defaults and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from hostcue.errors import ConfigError
from hostcue.model.network import AddressPolicy, Proxies


class Settings(BaseSettings):
    """Read once, in `wiring.py`; nothing below it sees this class."""

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
    database_url: str | None = Field(
        None,
        description="SQLAlchemy URL of a SQLite file; default: `hostcue.db` in the data folder.",
    )
    douyin_web_url: str = Field("https://live.douyin.com", description="Web face of Douyin.")
    douyin_push_url: str = Field(
        "",
        description="Comment push server as `ws(s)://host:port`; empty: the one Douyin names.",
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
    max_recordings: int = Field(16, ge=1, le=1000, description="Concurrent recordings.")
    allow_private_urls: bool = Field(
        False, description="Accept live URLs and redirects into private networks and loopback."
    )
    tz: str | None = Field(
        None, description="Zone of folder and file names, such as `Asia/Shanghai`; default: system."
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="Log lines for people or machines."
    )

    @field_validator("tz")
    @classmethod
    def _known_zone(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError, OSError):
                raise ValueError("not a time zone, write it like Asia/Shanghai") from None
        return value

    @classmethod
    def load(cls) -> Settings:
        """The settings of the environment and `.env`.

        Raises:
            ConfigError: a variable makes no sense; names it, without its value.
        """
        try:
            return cls()
        except ValidationError as exc:
            first = exc.errors(include_url=False, include_input=False)[0]
            name = variable_name(str(first["loc"][0])) if first["loc"] else "settings"
            raise ConfigError(
                f"{name}: {first['msg']}", field=name, remedy="see docs/settings.md"
            ) from None

    @classmethod
    def only(cls, variables: Mapping[str, str]) -> Settings:
        """Settings of these variables alone, whatever the environment and `.env` hold."""
        fields = {variable_name(field): field for field in Settings.model_fields}
        return _Isolated.model_validate(
            {fields[name]: value for name, value in variables.items() if name in fields}
        )

    @property
    def proxies(self) -> Proxies:
        """The proxies, as every client gets them."""
        bypass = tuple(rule.strip() for rule in self.no_proxy.split(",") if rule.strip())
        return Proxies(self.http_proxy, self.https_proxy, bypass)

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


class _Isolated(Settings):
    """Settings that look at nothing but their arguments."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what was passed in."""
        return (init_settings,)


def variable_name(field: str) -> str:
    """The environment variable of a field, or the name itself when it is one already."""
    info = Settings.model_fields.get(field.lower())
    if info is None:
        return field
    alias = info.validation_alias
    return alias if isinstance(alias, str) else f"HOSTCUE_{field.upper()}"
