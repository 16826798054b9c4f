"""What can be done about comments that do not come, or a host not heard, by the code of why."""

from __future__ import annotations

from collections.abc import Mapping

REMEDIES: Mapping[str, str] = {
    "connection_lost": "it is taken up again by itself; if it comes often, look at network and "
    "proxy",
    "stalled": "it is mended by itself; if it comes often, use another network or give a cookie",
    "risk_control": "wait some minutes, use another network or set DOUYIN_COOKIE; trying at once "
    "makes it worse",
    "auth_required": "set DOUYIN_COOKIE to the cookie of a login that is still good; for a relay, "
    "HOSTCUE_RELAY_TOKEN",
    "signature_refused": "another identity or way is taken by itself; if it stays so, update "
    "hostcue or set HOSTCUE_DOUYIN_SIGNER_URL",
    "signer_failed": "see whether the service at HOSTCUE_DOUYIN_SIGNER_URL runs",
    "browser_missing": "pip install 'hostcue[browser]' and Chromium, or set "
    "HOSTCUE_BROWSER_CDP_URL",
    "browser_died": "it is opened again by itself; if it comes often, see whether memory is short",
    "rate_limited": "it is tried again when the platform said",
    "upstream_changed": "update hostcue; if that does not help, report what `hostcue doctor` says",
    "transport_failed": "look at the network, HTTP_PROXY and HTTPS_PROXY; for a relay, see whether "
    "the room is collected there",
    "ingest_waiting": "have your own collector send to POST /api/comments/ingest, with this "
    "room_id",
    "ingest_silent": "see whether your own collector still sends to POST /api/comments/ingest",
    "rooms_limit": "it begins when another room stops; or give the room a cookie or proxy of its "
    "own, or raise HOSTCUE_DOUYIN_ROOMS_PER_IDENTITY",
    "not_collected": "leave hostcue running: what was said meanwhile is missing, but for the last "
    "lines, which the platform repeats",
    "overload": "the machine is too busy or its disk too slow: collect fewer rooms",
    "storage_failed": "check the disk of HOSTCUE_DATA_DIR",
}


SPEECH_REMEDIES: Mapping[str, str] = {
    "speech_missing": "see GET /api/live_audio/health, or run `hostcue doctor`",
    "model_refused": "`hostcue models verify`, then pull or import the model again",
    "engine_died": "it is started again by itself; if it comes often, see whether memory is short",
    "engine": "it is started again by itself; if it comes often, see whether memory is short",
    "overload": "listen to fewer rooms, switch partial texts off, or give it more processors",
    "limit_reached": "stop listening to another room, or raise the limit of rooms",
}
"""What can be done about a host who is not heard; what breaks the stream mends itself."""


def remedy_for(code: str) -> str:
    """What to do, in words; empty where nothing has to be done, or nothing is known."""
    return REMEDIES.get(code, "")


def speech_remedy_for(code: str) -> str:
    """What to do, in words; empty where nothing has to be done, or nothing is known."""
    return SPEECH_REMEDIES.get(code, "")
