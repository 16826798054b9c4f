"""Lines from Qwen by DashScope's own protocol (extra `dashscope`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
from pydantic import ValidationError

from hostcue.analysis.failures import broken_body, classify, timed_out, unreachable, unusable_proxy
from hostcue.analysis.messages import (
    MAX_TOKENS,
    JsonMode,
    Message,
    Reply,
    ask_about,
    to_answer,
    to_messages,
)
from hostcue.errors import ConfigError, UpstreamChanged
from hostcue.model.network import Proxies
from hostcue.model.tip import Answer, EvidencePack

if TYPE_CHECKING:
    import httpx
    from dashscope import AsyncClient
    from dashscope.v2.types.completions import ChatCompletion

BASE_URL = "https://dashscope.aliyuncs.com/api/v1"


class DashScopeWriter:
    """`TipWriter` over the `dashscope` SDK, which is imported at the first call.

    Only the SDK's 2.0 client is used: the 1.x functions upload the file that a text names.
    """

    def __init__(
        self,
        *,
        api_key: str,
        model: str,
        base_url: str = BASE_URL,
        proxies: Proxies | None = None,
        timeout_s: float = 60.0,
        connect_timeout_s: float = 5.0,
    ) -> None:
        self._api_key = api_key
        self._model = model
        self._base_url = base_url.rstrip("/")
        self._proxies = proxies or Proxies()
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._json_mode = JsonMode()
        self._client: AsyncClient | None = None
        self._http: httpx.AsyncClient | None = None
        self._connecting = anyio.Lock()

    async def write(self, pack: EvidencePack) -> Answer:
        """3 to 5 drafts from one call of the model, within `timeout_s`.

        Raises:
            ConfigError: the extra is not installed.
        """
        prompt = ask_about(pack)
        try:
            with anyio.fail_after(self._timeout_s):
                reply = await self._ask(to_messages(prompt, "list"))
        except TimeoutError:
            raise timed_out(self._timeout_s) from None
        return to_answer(reply, prompt, pack)

    async def aclose(self) -> None:
        """Close the connections; the writer can't be used afterwards."""
        if self._http is not None:
            await self._http.aclose()

    async def connect(self) -> None:
        """Import the SDK and open the client ahead of the first `write`, which else does it."""
        await self._connected()

    async def _ask(self, said: list[Message]) -> Reply:
        client = await self._connected()
        from dashscope.v2.errors import APIConnectionError, APITimeoutError, DashScopeError

        while True:
            try:
                return _read(await self._call(client, said), self._model)
            except APITimeoutError:
                raise timed_out(self._timeout_s) from None
            except APIConnectionError as exc:
                raise unreachable(exc) from None
            except DashScopeError as exc:
                status = exc.status_code or 200
                if self._json_mode.refused(status, exc.message):
                    continue
                raise classify(status, exc.code, exc.message, exc.headers) from None

    async def _call(self, client: AsyncClient, said: list[Message]) -> ChatCompletion:
        try:
            return await client.multimodal.chat.create(
                model=self._model,
                messages=[*said],
                max_tokens=MAX_TOKENS,
                enable_thinking=False,  # JSON mode is refused with it, and it doubles the cost
                response_format={"type": "json_object"} if self._json_mode.on else None,
            )
        except (ValidationError, TypeError, AttributeError):  # the SDK takes the shape for granted
            raise UpstreamChanged(
                "the model service's answer has another shape than known"
            ) from None
        except ValueError:
            raise broken_body() from None

    async def _connected(self) -> AsyncClient:
        async with self._connecting:
            if self._client is None:  # importing takes over a second: not in the event loop
                self._client = await anyio.to_thread.run_sync(self._connect)
            return self._client

    def _connect(self) -> AsyncClient:
        try:
            import httpx
            from dashscope import AsyncClient
        except ImportError:
            raise ConfigError(
                "DashScope's own protocol needs the dashscope SDK",
                field="HOSTCUE_QWEN_PROTOCOL",
                remedy="pip install 'hostcue[dashscope]', or set HOSTCUE_QWEN_PROTOCOL=openai",
            ) from None
        # The SDK leaves a client that it was given as it is: address and key have to be in it.
        try:
            self._http = httpx.AsyncClient(
                base_url=self._base_url,
                headers={"Authorization": f"Bearer {self._api_key}"},
                trust_env=False,
                proxy=self._proxies.for_url(self._base_url),
                timeout=httpx.Timeout(self._timeout_s, connect=self._connect_timeout_s),
            )
        except (ValueError, ImportError):  # ImportError: SOCKS needs a library of its own
            raise unusable_proxy() from None
        return AsyncClient(
            api_key=self._api_key,
            base_url=self._base_url,
            protocol="native",
            max_retries=0,
            http_client=self._http,
        )


def _read(completion: ChatCompletion, model: str) -> Reply:
    if not completion.choices:
        raise UpstreamChanged("the model service's answer has another shape than known")
    choice, usage = completion.choices[0], completion.usage
    return Reply(
        text=choice.message.content or choice.message.reasoning_content or "",
        cut=choice.finish_reason == "length",
        model=completion.model or model,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
    )
