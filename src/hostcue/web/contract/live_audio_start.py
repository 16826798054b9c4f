"""Bodies that begin and end listening."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from hostcue.model.room import Access
from hostcue.model.speech import SpeechPlan, SpeechState
from hostcue.pipeline.live_audio_status import SpeechMode, SpeechSessionStatus
from hostcue.speech.presets import plan_of
from hostcue.web.contract.common import Answer, Body, Id, Text, example

LiveProfile = Literal["fast", "balanced", "stable"]
SpeechLanguage = Literal["auto", "zh", "en", "yue", "ja", "ko"]
HotWord = Annotated[str, Field(min_length=1, max_length=64)]

_NOT_OF_THE_PLAN = {"live_url", "recording_id", "cookie", "proxy"}


class LiveAudioStart(Body):
    """Which room to listen to, and how.

    Numbers that are left out are the profile's; profile, language and partials the settings'.
    """

    model_config = example(live_url="https://live.douyin.com/80017709309", profile="fast")
    live_url: Text | None = Field(
        None, description="A room's link, as for a recording; nothing is recorded"
    )
    recording_id: Id | None = Field(
        None, description="A running recording, whose connection is shared"
    )
    profile: LiveProfile | None = None
    chunk_duration: float | None = Field(
        None, ge=0.2, le=2.0, description="Seconds between levels, and between partial texts"
    )
    max_wait: float | None = Field(
        None, ge=0.5, le=10, description="Seconds after its last word in which a sentence is told"
    )
    max_chars: int | None = Field(None, ge=16, le=240, description="A sentence is long enough then")
    silence_flush: int | None = Field(
        None, ge=1, le=8, description="So many stretches without a word end a sentence"
    )
    min_sentence_chars: int | None = Field(
        None, ge=0, le=80, description="A shorter sentence waits for more, within `max_wait`"
    )
    vad_min_silence_sec: float | None = Field(None, ge=0.2, le=2.5, description="A pause this long")
    vad_min_speech_sec: float | None = Field(
        None, ge=0.2, le=2.5, description="Shorter sounds are no speech"
    )
    vad_hangover_sec: float | None = Field(
        None, ge=0.1, le=1.5, description="What is kept of the silence after speech"
    )
    vad_rms: float | None = Field(
        None, ge=0.001, le=0.2, description="What is less loud is no speech"
    )
    vad_force_flush_sec: float | None = Field(
        None, ge=2, le=12, description="Longer speech is cut, at its quietest"
    )
    vad_force_flush_overlap_sec: float | None = Field(
        None, ge=0, le=1, description="How much of it the next stretch hears again"
    )
    partials: bool | None = Field(None, description="Tell what is being said before it is complete")
    language: SpeechLanguage | None = None
    hot_words: list[HotWord] = Field(
        [], max_length=500, description="Names to be put right in the text"
    )
    cookie: SecretStr | None = Field(
        None, max_length=16384, description="Cookie header for this room; kept in memory only"
    )
    proxy: SecretStr | None = Field(
        None, max_length=2048, description="`http://` proxy for this room; kept in memory only"
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.live_url is None) == (self.recording_id is None):
            raise ValueError("give live_url or recording_id, one of the two")
        return self

    @property
    def link(self) -> str | None:
        """What was given."""
        return None if self.live_url is None else self.live_url.strip()

    @property
    def access(self) -> Access:
        """How the room is reached."""
        return Access(
            cookie=self.cookie.get_secret_value() if self.cookie else "",
            proxy=self.proxy.get_secret_value() if self.proxy else "",
        )

    def plan(self, usual: SpeechPlan) -> SpeechPlan | None:
        """As the flow knows it; None when nothing was said of it.

        Raises:
            BadRequest: two numbers do not go together.
        """
        wishes = self.model_dump(exclude=_NOT_OF_THE_PLAN, exclude_unset=True, exclude_none=True)
        if not wishes:
            return None
        for name in ("profile", "partials", "language"):
            wishes.setdefault(name, getattr(usual, name))
        return plan_of(**wishes)


class LiveAudioStop(Body):
    """Which session; may be left out when one runs."""

    model_config = example(session_id="4be1c09d22aa")
    session_id: Id | None = None


class LiveAudioStarted(Answer):
    """The session, new or already running."""

    model_config = example(
        session_id="4be1c09d22aa",
        live_id="80017709309",
        live_url="https://live.douyin.com/80017709309",
        profile="fast",
        model="sensevoice-int8",
        state="starting",
        already_running=False,
        room_id="7576912345678901234",
        recording_id=None,
        mode="room",
    )
    session_id: str
    live_id: str
    live_url: str
    profile: str
    model: str
    state: SpeechState
    already_running: bool
    room_id: str
    recording_id: str | None = None
    mode: SpeechMode

    @classmethod
    def of(cls, status: SpeechSessionStatus, *, already: bool) -> Self:
        """From the flow."""
        return cls(
            session_id=status.session_id,
            live_id=status.room.live_id,
            live_url=status.live_url,
            profile=status.plan.profile,
            model=status.model,
            state=status.state,
            already_running=already,
            room_id=status.room.room_id,
            recording_id=status.recording_id,
            mode=status.mode,
        )


class SegmentToHear(Body):
    """A recorded segment whose sound is to be heard where no session heard it."""

    model_config = example(recording_id="3f9a1c0b77de", seq=12)
    recording_id: Id
    seq: int = Field(ge=0, le=2**31)


class SegmentAsked(Answer):
    """What there is to hear of a segment; `waiting` segments are heard before it."""

    model_config = example(recording_id="3f9a1c0b77de", seq=12, unheard_s=14.2, waiting=0)
    recording_id: str
    seq: int
    unheard_s: float
    waiting: int
