"""Settings: the environment variables, their defaults and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from hostcue.config.general import GeneralSettings
from hostcue.errors import ConfigError


class Settings(GeneralSettings):
    """Read once, in `wiring.py`; nothing below it sees this class."""

    speech: Literal["auto", "off"] = Field(
        "auto",
        description="`auto`: what the host says is written down while a room is recorded, where "
        "the extra `speech` and a model are installed; `off`: nobody listens, also when asked.",
    )
    speech_model: str = Field(
        "sensevoice-int8",
        description="Model of `hostcue models list`, or a folder with `model*.onnx`, `tokens.txt` "
        "and `silero_vad.onnx`.",
    )
    model_mirror: SecretStr | None = Field(
        None,
        description="Address that `hostcue models pull` looks under for a model's files, as "
        "`<id>/<file>` and `<file>`; default: the public mirrors of each model.",
    )
    speech_language: Literal["zh", "en", "ja", "ko", "yue", "auto"] = Field(
        "zh", description="Language that is spoken; `auto` mistakes short sentences."
    )
    speech_profile: Literal["fast", "balanced", "stable"] = Field(
        "fast", description="How soon a sentence ends: `fast` is told soonest, `stable` is longer."
    )
    speech_partials: bool = Field(
        False,
        description="Tell what a sentence sounds like while it is spoken; takes four times the "
        "CPU, and pauses where it would make others late.",
    )
    speech_workers: int = Field(
        1, ge=1, le=16, description="Processes with the model, each of half a GB and one core."
    )
    max_listening: int = Field(8, ge=1, le=1000, description="Rooms that are listened to at once.")

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
                f"{name} cannot be used: {first['msg'].removeprefix('Value error, ')}",
                field=name,
                remedy="see docs/settings.md",
            ) from None

    @classmethod
    def only(cls, variables: Mapping[str, str]) -> Settings:
        """Settings of these variables alone, whatever the environment and `.env` hold."""
        fields = {variable_name(field): field for field in Settings.model_fields}
        return _Isolated.model_validate(
            {fields[name]: value for name, value in variables.items() if name in fields}
        )

    @property
    def models_dir(self) -> Path:
        """Where speech models lie."""
        return self.data_dir / "models"


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
