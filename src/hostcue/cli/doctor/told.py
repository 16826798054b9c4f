"""What each step on a room found, in words and in facts.

Names and texts of people are details: they are shown, but go into no report.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from urllib.parse import urlsplit

from hostcue.cli.doctor.costs import gb_per_hour
from hostcue.cli.doctor.finding import Outcome
from hostcue.model.comment import (
    Comment,
    Gap,
    LiveEvent,
    ProductChange,
    RoomControl,
    RoomStats,
    Tally,
    WayTaken,
)
from hostcue.model.room import LiveRoom
from hostcue.model.segment import ClosedFile
from hostcue.model.tip import Answer, Frame

_ON_A_LESSER_WAY = {
    "signature_refused": "the platform refuses our signature: update hostcue, or set "
    "HOSTCUE_DOUYIN_SIGNER_URL",
    "signer_failed": "see whether the service at HOSTCUE_DOUYIN_SIGNER_URL runs",
    "risk_control": "wait some minutes, use another network or set DOUYIN_COOKIE",
    "auth_required": "set DOUYIN_COOKIE to the cookie of a login",
}
_CLOCKS_APART_S = (-5.0, 60.0)  # a comment takes a second or two, the newest in a quiet room more


def resolved(live: LiveRoom) -> Outcome[LiveRoom]:
    """The room; of its stream's address the host alone, since even the path can be a key."""
    room, source = live.room, live.source
    return Outcome(
        live,
        f"{room.platform} room {room.room_id} is live: {source.quality} as {source.container}",
        facts={
            "platform": room.platform,
            "live_id": room.live_id,
            "room_id": room.room_id,
            "quality": source.quality,
            "container": source.container,
            "stream_host": urlsplit(source.url).hostname,
        },
        details=tuple(filter(None, (room.anchor_name, room.title))),
    )


def recorded(file: ClosedFile, waited_s: float, drops: Sequence[str]) -> Outcome[ClosedFile]:
    """A file that begins with a key frame; `drops` are the causes of the recording's gaps."""
    length_s = max(file.duration_ms, 1) / 1000
    bits_per_s = file.bytes * 8 / length_s
    picture = f"{file.video_codec} {file.width}x{file.height} at {file.fps:g} fps"
    found = (
        f"after {waited_s:.1f} s {picture if file.video_codec else 'no picture'}, "
        f"{file.audio_codec or 'no sound'}; {length_s:.1f} s are {file.bytes / 1e6:.1f} MB, "
        f"{bits_per_s / 1e6:.2f} Mbit/s or {gb_per_hour(bits_per_s):.1f} GB an hour"
    )
    remedy = f"the stream broke off ({', '.join(drops)}): check the network" if drops else ""
    facts = {
        "first_media_s": round(waited_s, 2),
        "video_codec": file.video_codec,
        "audio_codec": file.audio_codec,
        "width": file.width,
        "height": file.height,
        "fps": file.fps,
        "duration_ms": file.duration_ms,
        "bytes": file.bytes,
        "bits_per_s": round(bits_per_s),
        "drops": list(drops),
    }
    return Outcome(file, found, remedy, facts)


def heard(
    comments: list[Comment],
    kinds: Counter[str],
    waited_s: float,
    lag_s: float | None,
    way: WayTaken | None = None,
) -> Outcome[list[Comment]]:
    """What came by kind; `lag_s` is the age at which the freshest comment arrived."""
    counted = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    by = f" by {way.way}" if way else ""
    because = f" ({way.reason})" if way and way.reason else ""
    found = f"connected{by}{because} after {waited_s:.1f} s: {counted or 'but nothing came'}"
    remedy = ""
    if kinds["gap"]:
        remedy = "the connection broke: check the network"
    elif way and way.reason in _ON_A_LESSER_WAY:
        remedy = _ON_A_LESSER_WAY[way.reason]
    elif not kinds:
        remedy = "try a busier room; if its comments don't come either, set DOUYIN_COOKIE"
    elif lag_s is not None and not _CLOCKS_APART_S[0] <= lag_s <= _CLOCKS_APART_S[1]:
        remedy = f"set this machine's clock: it is about {lag_s:+.0f} s from the platform's"
    facts = {
        "connected_s": round(waited_s, 2),
        "events": dict(kinds),
        "lag_s": None if lag_s is None else round(lag_s, 1),
        "way": way.way if way else None,
        "way_reason": way.reason if way else "",
    }
    return Outcome(comments, found, remedy, facts)


def kind_of(event: LiveEvent) -> str:
    """One word for what came."""
    match event:
        case Comment():
            return event.kind
        case RoomStats():
            return "stats"
        case ProductChange():
            return "product"
        case RoomControl():
            return "control"
        case Gap():
            return "gap"
        case WayTaken():
            return "way"
        case Tally():
            return "tally"


def seen(frames: list[Frame]) -> Outcome[list[Frame]]:
    """The stills and their size."""
    if not frames:
        remedy = "lines will rest on comments alone; try a room that shows a picture"
        return Outcome(frames, "no picture in the stream", remedy)
    sizes = sorted(len(frame.jpeg) for frame in frames)
    width, height = frames[0].width, frames[0].height
    return Outcome(
        frames,
        f"{len(frames)} of {width}x{height}, {sizes[0] / 1e3:.0f} to {sizes[-1] / 1e3:.0f} kB",
        facts={"frames": len(frames), "width": width, "height": height, "bytes": sum(sizes)},
    )


def written(answer: Answer, took_s: float) -> Outcome[Answer]:
    """The lines, which can quote viewers, and what they took."""
    remedy = ""
    if answer.source == "template":
        found = f"{len(answer.drafts)} lines from templates, no model was asked"
        remedy = "set DASHSCOPE_API_KEY to have them written for what is seen and asked"
    else:
        tokens = f"{_count(answer.input_tokens)} tokens in, {_count(answer.output_tokens)} out"
        found = f"{len(answer.drafts)} lines by {answer.model} in {took_s:.1f} s, {tokens}"
    facts = {
        "types": [draft.type for draft in answer.drafts],
        "source": answer.source,
        "model": answer.model,
        "prompt_version": answer.prompt_version,
        "latency_s": round(took_s, 2),
        "input_tokens": answer.input_tokens,
        "output_tokens": answer.output_tokens,
    }
    mark = "AI" if answer.source == "ai" else "template"
    details = tuple(f"[{mark} · {draft.type}] {draft.text}" for draft in answer.drafts)
    return Outcome(answer, found, remedy, facts, details)


def _count(tokens: int | None) -> str:
    return "unknown" if tokens is None else f"{tokens:,}"
