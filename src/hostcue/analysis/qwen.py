"""Lines from a model behind an OpenAI-compatible endpoint: DashScope, vLLM, Ollama and others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import anyio
import anyio.to_thread
from pydantic import BaseModel, Field, ValidationError

from hostcue.analysis.failures import broken_body, classify, timed_out, unreachable, unusable_proxy
from hostcue.analysis.messages import (
    MAX_TOKENS,
    FrameEncoding,
    JsonMode,
    Message,
    Reply,
    ask_about,
    to_answer,
    to_messages,
)
from hostcue.errors import UpstreamChanged
from hostcue.model.network import Proxies
from hostcue.model.tip import Answer, EvidencePack

if TYPE_CHECKING:
    import httpx2
    from openai import AsyncOpenAI

BASE_URL = "https://dashscope.aliyuncs.com/compatible-mode/v1"

_CUT_SHORT = "x-dashscope-partialresponse"  # set when DashScope's own 180 s ran out


class _Message(BaseModel):
    content: str | None = None
    reasoning_content: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    model: str | None = None
    usage: _Usage | None = None


class QwenWriter:
    """`TipWriter` over the `openai` SDK, which is imported at the first call.

    `frames` says how the server takes pictures; without it, DashScope's own hosts get a list,
    others images. A server that takes a list is DashScope: thinking is switched off its way.
    """

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str = BASE_URL,
        frames: FrameEncoding | None = None,
        proxies: Proxies | None = None,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
    ) -> None:
        self._api_key = api_key
        self._model = model
        self._base_url = base_url
        self._frames: FrameEncoding = frames or _encoding_of(base_url)
        self._proxies = proxies or Proxies()
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._json_mode = JsonMode()
        self._client: AsyncOpenAI | None = None
        self._connecting = anyio.Lock()

    async def write(self, pack: EvidencePack) -> Answer:
        """3 to 5 drafts from one call of the model, within `timeout_s`."""
        prompt = ask_about(pack)
        try:
            with anyio.fail_after(self._timeout_s):
                reply = await self._ask(to_messages(prompt, self._frames))
        except TimeoutError:
            raise timed_out(self._timeout_s) from None
        return to_answer(reply, prompt, pack)

    async def aclose(self) -> None:
        """Close the connections; the writer can't be used afterwards."""
        if self._client is not None:
            await self._client.close()

    async def connect(self) -> None:
        """Import the SDK and open the client ahead of the first `write`, which else does it."""
        await self._connected()

    async def _ask(self, said: list[Message]) -> Reply:
        client = await self._connected()
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        while True:
            try:
                return _read(await self._post(client, said), self._model)
            except APIStatusError as exc:
                if self._json_mode.refused(exc.status_code, exc.message):
                    continue
                code = exc.code or exc.type
                failure = classify(exc.status_code, code, exc.message, exc.response.headers)
                raise failure from None
            except APITimeoutError:
                raise timed_out(self._timeout_s) from None
            except APIConnectionError as exc:
                raise unreachable(exc) from None

    async def _post(self, client: AsyncOpenAI, said: list[Message]) -> httpx2.Response:
        """The SDK's call without its types: DashScope's frame list is not among them."""
        import httpx2

        body: dict[str, object] = {
            "model": self._model,
            "messages": said,
            "max_tokens": MAX_TOKENS,
        }
        if self._json_mode.on:
            body["response_format"] = {"type": "json_object"}
        if self._frames == "list":
            body["enable_thinking"] = False  # JSON mode is refused with it, and it doubles the cost
        return await client.post("/chat/completions", body=body, cast_to=httpx2.Response)

    async def _connected(self) -> AsyncOpenAI:
        async with self._connecting:
            if self._client is None:  # importing takes up to a second: not in the event loop
                self._client = await anyio.to_thread.run_sync(self._connect)
            return self._client

    def _connect(self) -> AsyncOpenAI:
        import httpx2
        from openai import AsyncOpenAI

        timeout = httpx2.Timeout(self._timeout_s, connect=self._connect_timeout_s)
        try:
            http = httpx2.AsyncClient(
                trust_env=False, proxy=self._proxies.for_url(self._base_url), timeout=timeout
            )
        except (ValueError, ImportError):  # ImportError: SOCKS needs a library of its own
            raise unusable_proxy() from None
        client = AsyncOpenAI(
            api_key=self._api_key or "none",  # for servers without keys
            base_url=self._base_url,
            timeout=timeout,
            max_retries=0,
            http_client=http,
        )
        # Those of another service in the environment are none of this server's business.
        client.organization = client.project = None
        return client


def _encoding_of(base_url: str) -> FrameEncoding:
    host = urlsplit(base_url).hostname or ""
    return "list" if host.endswith(".aliyuncs.com") else "images"


def _read(response: httpx2.Response, model: str) -> Reply:
    kind = response.headers.get("content-type", "").partition(";")[0]
    if not kind.endswith("json"):
        raise UpstreamChanged(
            f"the model service answered {kind or 'something'} instead of JSON",
            remedy="check HOSTCUE_QWEN_BASE_URL and the proxy settings",
        )
    try:
        body = json.loads(response.content)
    except ValueError:
        raise broken_body() from None
    try:
        completion = _Completion.model_validate(body)
    except ValidationError:
        if isinstance(body, dict) and body.get("code"):
            failure = classify(200, str(body["code"]), str(body.get("message")), response.headers)
            raise failure from None
        raise UpstreamChanged("the model service's answer has another shape than known") from None
    choice, usage = completion.choices[0], completion.usage or _Usage()
    if choice.finish_reason == "content_filter":
        raise classify(200, choice.finish_reason, "", {})
    return Reply(
        # Some servers put the JSON among the thoughts (ollama #12831).
        text=choice.message.content or choice.message.reasoning_content or "",
        cut=choice.finish_reason == "length" or response.headers.get(_CUT_SHORT) == "true",
        model=completion.model or model,
        input_tokens=usage.prompt_tokens,
        output_tokens=usage.completion_tokens,
    )
