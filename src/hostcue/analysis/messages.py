"""What both writers send to a model, and what they make of its reply."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hostcue.analysis.answer import parse_answer
from hostcue.analysis.evidence import tags_of
from hostcue.analysis.prompt import VERSION, Captioned, Prompt, build_prompt
from hostcue.errors import UpstreamError
from hostcue.model.tip import Answer, EvidencePack

FrameEncoding = Literal["list", "images"]
"""`list`: all frames as one video, DashScope's own extension at half the tokens of `images`."""

Message = dict[str, object]

MAX_TOKENS = 2_000  # a guard on cost; 3-5 lines take about 500

_SHORTEST_LIST = 4  # DashScope refuses fewer
_LIST_FPS = 0.1  # the lowest it documents; the true times are in the text
_ABOUT_JSON_MODE = re.compile(r"response_?format|json[ _]?(?:mode|object|schema)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a service sent back; `cut` if it stopped early, `model` as it calls itself."""

    text: str
    cut: bool
    model: str
    input_tokens: int | None
    output_tokens: int | None


class JsonMode:
    """Whether to ask for JSON mode; a server without it says so once, and is not asked again."""

    def __init__(self) -> None:
        self.on = True

    def refused(self, status: int, message: str) -> bool:
        """Whether this error is about JSON mode, so that asking again without it may work."""
        if self.on and status in {400, 422} and _ABOUT_JSON_MODE.search(message):
            self.on = False
            return True
        return False


def ask_about(pack: EvidencePack) -> Prompt:
    """The prompt for a segment.

    Raises:
        UpstreamError: there is nothing to write about; not retryable, and nothing was spent.
    """
    if not (pack.frames or pack.digest.topics or pack.speech.lines):
        raise UpstreamError("nothing was seen, asked or said in this segment", retryable=False)
    return build_prompt(pack)


def to_messages(prompt: Prompt, encoding: FrameEncoding) -> list[Message]:
    """The prompt in the OpenAI shape, which the dashscope SDK reads as well.

    Frames come before the text that speaks of them. A list of fewer than four is sent as images.
    """
    if encoding == "list" and len(prompt.frames) >= _SHORTEST_LIST:
        pictures = [_as_list(prompt.frames)]
    else:
        pictures = [part for shown in prompt.frames for part in _as_image(shown)]
    content = [*pictures, {"type": "text", "text": prompt.user}]
    return [
        {"role": "system", "content": prompt.system},
        {"role": "user", "content": content},
    ]


def to_answer(reply: Reply, prompt: Prompt, pack: EvidencePack) -> Answer:
    """The reply as an answer.

    Raises:
        AnswerError: the reply holds fewer than three usable lines.
    """
    drafts = parse_answer(reply.text, prompt.labels, tags_of(pack.segment), cut=reply.cut)
    return Answer(
        drafts,
        source="ai",
        model=reply.model,
        prompt_version=VERSION,
        input_tokens=reply.input_tokens,
        output_tokens=reply.output_tokens,
    )


def _as_list(frames: Sequence[Captioned]) -> dict[str, object]:
    return {"type": "video", "video": [_data_uri(shown) for shown in frames], "fps": _LIST_FPS}


def _as_image(shown: Captioned) -> tuple[dict[str, object], ...]:
    return (
        {"type": "text", "text": shown.caption},
        {"type": "image_url", "image_url": {"url": _data_uri(shown)}},
    )


def _data_uri(shown: Captioned) -> str:
    return f"data:image/jpeg;base64,{base64.b64encode(shown.frame.jpeg).decode()}"
