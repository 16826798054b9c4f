"""The two wires: what a request says, and how answers and errors look on each."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal

Wire = Literal["openai", "dashscope"]
Json = Mapping[str, object]

MODEL = "sim"
_TOKENS_PER_IMAGE = 202
_FRAMES_MIN = 4  # of a frame list


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request as it came; `images` are URLs or data URIs, frames of a frame list included.

    `headers` have lower-case names and no key; `text` is all text, `user_text` without the
    system's.
    """

    wire: Wire
    model: str
    text: str
    user_text: str
    images: tuple[str, ...]
    headers: dict[str, str]
    body: Json


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as both wires know it."""

    status: int
    openai_code: str
    dashscope_code: str
    message: str


# (qwen.md 1.7) The first of a status is the one that usually comes with it.
_REFUSALS = (
    Refusal(400, "invalid_parameter_error", "InvalidParameter", "A parameter is invalid."),
    Refusal(400, "data_inspection_failed", "DataInspectionFailed", "Inappropriate content."),
    Refusal(400, "Arrearage", "Arrearage", "The account is not in good standing."),
    Refusal(401, "invalid_api_key", "InvalidApiKey", "Incorrect API key provided."),
    Refusal(403, "access_denied", "AccessDenied", "Access denied."),
    Refusal(404, "model_not_found", "ModelNotFound", "The model does not exist."),
    Refusal(408, "request_timeout", "RequestTimeOut", "Request timed out."),
    Refusal(413, "request_too_large", "RequestTooLarge", "Exceeded limit on max bytes."),
    Refusal(429, "limit_requests", "Throttling.RateQuota", "Requests rate limit exceeded."),
    Refusal(429, "limit_burst_rate", "Throttling.BurstRate", "Request rate rose too quickly."),
    Refusal(429, "insufficient_quota", "Throttling.AllocationQuota", "Quota exceeded."),
    Refusal(500, "internal_error", "InternalError", "An internal error has occurred."),
    Refusal(502, "bad_gateway", "ModelServingError", "The model service failed."),
    Refusal(503, "model_unavailable", "ModelUnavailable", "Model is unavailable."),
    Refusal(504, "timeout", "RequestTimeOut", "Request timed out."),
)


def refusal(status: int | None = None, code: str | None = None) -> Refusal:
    """The refusal with this status, or with this code in either wire's spelling, or with both."""
    for known in _REFUSALS:
        if code in {known.openai_code, known.dashscope_code}:
            return replace(known, status=status or known.status)
        if code is None and known.status == status:
            return known
    return Refusal(status or 400, code or "unknown", code or "Unknown", "The request failed.")


def read_request(wire: Wire, body: Json, headers: Mapping[str, str]) -> ModelRequest:
    """Take a request apart; what does not fit its wire is simply not found in it."""
    holder = body if wire == "openai" else _mapping(body.get("input"))
    texts: list[tuple[str, str]] = []
    images: list[str] = []
    for message in _list(holder.get("messages")):
        role = str(_mapping(message).get("role"))
        for part in _parts(_mapping(message).get("content")):
            text = part.get("text")
            if isinstance(text, str):
                texts.append((role, text))
            images += _images(part)
    return ModelRequest(
        wire=wire,
        model=str(body.get("model")),
        text="\n".join(text for _, text in texts),
        user_text="\n".join(text for role, text in texts if role == "user"),
        images=tuple(images),
        headers={name: value for name, value in headers.items() if name != "authorization"},
        body=body,
    )


def find_fault(request: ModelRequest) -> Refusal | None:
    """What the real service refuses about a request that parses."""
    holder = request.body if request.wire == "openai" else _mapping(request.body.get("parameters"))
    wants_json = _mapping(holder.get("response_format")).get("type") == "json_object"
    if not request.text and not request.images:
        return _invalid("messages must not be empty.")
    if holder.get("stream"):
        return _invalid("the stand-in does not stream.")
    if wants_json and "json" not in request.text.lower():
        return _invalid(
            "'messages' must contain the word 'json' in some form, to use 'response_format' "
            "of type 'json_object'."
        )
    if wants_json and holder.get("enable_thinking"):
        return _invalid("Json mode response is not supported when enable_thinking is true")
    if any(len(frames) < _FRAMES_MIN for frames in _frame_lists(request)):
        return _invalid(f"The video must have at least {_FRAMES_MIN} frames.")
    return None


def shape_answer(request: ModelRequest, content: str, *, finish_reason: str) -> Json:
    """A success on the request's wire."""
    seen = len(request.images) * _TOKENS_PER_IMAGE
    read, written = len(request.text), len(content)
    if request.wire == "dashscope":
        message = {"role": "assistant", "content": [{"text": content}]}
        return {
            "output": {"choices": [{"finish_reason": finish_reason, "message": message}]},
            "usage": {
                "input_tokens": seen + read,
                "output_tokens": written,
                "total_tokens": seen + read + written,
                "image_tokens": seen,
                "input_tokens_details": {"text_tokens": read, "image_tokens": seen},
            },
            "request_id": _request_id(),
        }
    return {
        "id": f"chatcmpl-{_request_id()}",
        "object": "chat.completion",
        "created": time.time_ns() // 1_000_000_000,
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "logprobs": None,
                "message": {"role": "assistant", "content": content},
            }
        ],
        "usage": {
            "prompt_tokens": seen + read,
            "completion_tokens": written,
            "total_tokens": seen + read + written,
            "prompt_tokens_details": {"image_tokens": seen, "text_tokens": read},
        },
    }


def shape_refusal(wire: Wire, refused: Refusal) -> Json:
    """An error body on a wire."""
    if wire == "dashscope":
        return {
            "code": refused.dashscope_code,
            "message": refused.message,
            "request_id": _request_id(),
        }
    error = {
        "message": refused.message,
        "type": refused.openai_code,
        "param": None,
        "code": refused.openai_code,
    }
    return {"error": error, "request_id": _request_id()}


def shape_models() -> Json:
    """The list of models, which is one."""
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "hostcue.sim"}
    return {"object": "list", "data": [model]}


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_parameter_error", "InvalidParameter", message)


def _request_id() -> str:
    return secrets.token_hex(16)


def _mapping(value: object) -> Json:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _parts(content: object) -> list[Json]:
    if isinstance(content, str):
        return [{"text": content}]
    return [_mapping(part) for part in _list(content)]


def _images(part: Json) -> Iterator[str]:
    single = part.get("image") or _mapping(part.get("image_url")).get("url")
    if isinstance(single, str):
        yield single
    yield from (str(frame) for frame in _list(part.get("video")))


def _frame_lists(request: ModelRequest) -> Iterator[list[object]]:
    holder = request.body if request.wire == "openai" else _mapping(request.body.get("input"))
    for message in _list(holder.get("messages")):
        for part in _parts(_mapping(message).get("content")):
            if isinstance(part.get("video"), list):
                yield _list(part["video"])
