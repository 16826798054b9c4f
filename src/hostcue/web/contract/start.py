"""Bodies of `/api/recording/start` and `stop`."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from hostcue.model.recording import RecordingPlan, SaveFormat
from hostcue.model.room import Access, Quality
from hostcue.model.schedule import DAYS, Day, Showtime
from hostcue.web.contract.common import Answer, Body, Id, Name, Text, example

TimeOfDay = Annotated[
    str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["19:30"], description="HH:MM")
]


class ShowtimeBody(Body):
    """A span of local time that comes again each week; `to` at or before `from`: the next day."""

    model_config = example(days=["fri", "sat"], to="01:00", **{"from": "19:30"})
    days: list[Day] = Field([], max_length=7, description="Days it starts on; none: every day")
    start: TimeOfDay = Field(alias="from")
    to: TimeOfDay

    def showtime(self) -> Showtime:
        """As the flow knows it."""
        return Showtime(_minute(self.start), _minute(self.to), frozenset(self.days))

    @classmethod
    def of(cls, showtime: Showtime) -> Self:
        """From the model."""
        days = [day for day in DAYS if day in showtime.days]
        times = {"from": _clock(showtime.start_minute), "to": _clock(showtime.end_minute)}
        return cls.model_validate({"days": days, **times})


class RecordingStart(Body):
    """Which room to record, and how."""

    model_config = example(
        live_url="https://live.douyin.com/80017709309",
        segment_time=300,
        quality="OD",
        save_format="mp4",
    )
    live_url: Text = Field(
        description="A room's link, a share text, a Douyin id, or a stream's own URL"
    )
    segment_time: int = Field(300, ge=2, le=3600, description="Seconds per segment")
    quality: Quality = "OD"
    save_format: SaveFormat = "mp4"
    anchor_name: Name | None = Field(None, description="The host's name, for a stream's own URL")
    comments: bool = Field(True, description="Collect the room's comments too")
    monitor: bool = Field(
        False, description="Watch the room and record it each time it is live, until stopped"
    )
    schedule: list[ShowtimeBody] = Field(
        [], max_length=50, description="With `monitor`: watch only in these showtimes"
    )
    aligned: bool = Field(False, description="Cut at multiples of `segment_time` of the wall clock")
    cookie: SecretStr | None = Field(
        None, max_length=16384, description="Cookie header for this room; stored encrypted"
    )
    proxy: SecretStr | None = Field(
        None, max_length=2048, description="`http://` proxy for this room; stored encrypted"
    )

    @field_validator("schedule")
    @classmethod
    def _only_monitored(cls, value: list[ShowtimeBody], info: ValidationInfo) -> list[ShowtimeBody]:
        if value and not info.data.get("monitor"):
            raise ValueError("needs monitor: true")
        return value

    def plan(self) -> RecordingPlan:
        """As the flow knows it."""
        return RecordingPlan(
            link=self.live_url.strip(),
            segment_s=self.segment_time,
            quality=self.quality,
            save_format=self.save_format,
            comments=self.comments,
            anchor_name=self.anchor_name or "",
            monitor=self.monitor,
            schedule=tuple(showtime.showtime() for showtime in self.schedule),
            aligned=self.aligned,
            access=Access(
                cookie=self.cookie.get_secret_value() if self.cookie else "",
                proxy=self.proxy.get_secret_value() if self.proxy else "",
            ),
        )


class RecordingStarted(Answer):
    """The recording, new or already running.

    `output` is empty while a monitored room was never seen live: its folder bears the host's name.
    """

    model_config = example(
        recording_id="3f9a1c0b77de", output="records/douyin/小满的鞋铺", already_running=False
    )
    recording_id: str
    output: str
    already_running: bool = False


class RecordingStop(Body):
    """Which recording to stop."""

    model_config = example(recording_id="3f9a1c0b77de")
    recording_id: Id


def _minute(time: str) -> int:
    hours, minutes = time.split(":")
    return int(hours) * 60 + int(minutes)


def _clock(minute: int) -> str:
    return f"{minute // 60 % 24:02}:{minute % 60:02}"
