from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Protocol

import anyio
import httpx2
import pytest
from fastapi import Response
from fastapi.responses import StreamingResponse

from hostcue.errors import (
    AuthRequired,
    Blocked,
    ConfigError,
    PrivateAddress,
    RateLimited,
    TransportFailed,
    UpstreamChanged,
    UpstreamError,
)
from hostcue.model.network import AddressPolicy, Proxies
from hostcue.platforms.http import (
    MAX_BODY_BYTES,
    check_address,
    exchange,
    open_http,
    refusal,
)

DEAD = "http://127.0.0.1:9"


class Upstream(Protocol):
    url: str
    requests: list[tuple[str, dict[str, str]]]

    def always(self, response: object) -> None: ...


async def get(http: httpx2.AsyncClient, url: str, *, timeout_s: float = 10.0) -> httpx2.Response:
    return await exchange(http, http.build_request("GET", url), timeout_s=timeout_s)


async def test_a_request_goes_through_the_proxy_of_its_scheme(upstream: Upstream) -> None:
    upstream.always(lambda: Response("through"))
    async with open_http(Proxies(http=upstream.url, https=DEAD)) as http:
        response = await get(http, "http://a.invalid/page?x=1")
    assert response.text == "through"
    assert upstream.requests[0][0] == "http://a.invalid/page?x=1"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
async def test_loopback_is_direct_whatever_settings_and_environment_say(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, DEAD)
    upstream.always(lambda: Response("direct"))
    async with open_http(Proxies(http=DEAD, https=DEAD)) as http:
        assert (await get(http, upstream.url)).text == "direct"


async def test_the_environment_s_proxy_is_not_used(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", upstream.url)
    async with open_http(Proxies()) as http:
        with pytest.raises(TransportFailed):
            await get(http, "http://a.invalid/")
    assert upstream.requests == []


async def test_a_bypassed_host_is_not_asked_of_the_proxy(upstream: Upstream) -> None:
    async with open_http(Proxies(http=upstream.url, bypass=("invalid",))) as http:
        with pytest.raises(TransportFailed):
            await get(http, "http://a.invalid/")
    assert upstream.requests == []


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "ftp://proxy.example", "socks5://a:1"])
def test_a_proxy_that_cannot_be_used_is_a_setting_s_error(proxy: str) -> None:
    with pytest.raises(ConfigError) as caught:
        open_http(Proxies(http=proxy))
    assert caught.value.remedy == "write it as http://host:port"


async def test_a_dead_proxy_is_told_without_its_password() -> None:
    async with open_http(Proxies(http="http://user:pa55@127.0.0.1:9")) as http:
        with pytest.raises(TransportFailed) as caught:
            await get(http, "http://a.invalid/")
    assert "pa55" not in str(caught.value)
    assert "PROXY" in (caught.value.remedy or "")


async def test_no_cookie_is_kept(upstream: Upstream) -> None:
    upstream.always(lambda: Response(headers={"set-cookie": "ttwid=one; Path=/"}))
    async with open_http(Proxies()) as http:
        first = await get(http, upstream.url)
        await get(http, upstream.url)
    assert first.headers["set-cookie"].startswith("ttwid=one")
    assert all("cookie" not in headers for _, headers in upstream.requests)


async def test_redirects_are_left_to_the_caller(upstream: Upstream) -> None:
    upstream.always(lambda: Response(status_code=302, headers={"location": "/elsewhere"}))
    async with open_http(Proxies()) as http:
        assert (await get(http, upstream.url)).is_redirect
    assert len(upstream.requests) == 1


async def test_a_compressed_answer_is_read_whole(upstream: Upstream) -> None:
    text = "上新" * 10_000
    upstream.always(
        lambda: Response(gzip.compress(text.encode()), headers={"content-encoding": "gzip"})
    )
    async with open_http(Proxies()) as http:
        response = await get(http, f"{upstream.url}/room")
    assert response.text == text
    assert str(response.url) == f"{upstream.url}/room"


@pytest.mark.parametrize("compressed", [True, False])
async def test_an_endless_answer_is_refused(upstream: Upstream, compressed: bool) -> None:
    body = bytes(MAX_BODY_BYTES + 1)
    headers = {"content-encoding": "gzip"} if compressed else {}
    upstream.always(lambda: Response(gzip.compress(body) if compressed else body, headers=headers))
    async with open_http(Proxies()) as http:
        with pytest.raises(UpstreamChanged, match="8 MiB"):
            await get(http, upstream.url)


async def test_an_answer_that_drips_is_given_up_in_time(upstream: Upstream) -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"."
            await anyio.sleep(0.01)

    upstream.always(lambda: StreamingResponse(drip()))
    async with open_http(Proxies()) as http:
        with anyio.fail_after(30), pytest.raises(TransportFailed, match=r"within 0\.2 s"):
            await get(http, upstream.url, timeout_s=0.2)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (200, None),
        (302, None),
        (401, AuthRequired),
        (403, AuthRequired),
        (404, None),
        (412, Blocked),
        (429, RateLimited),
        (444, Blocked),
        (500, TransportFailed),
        (503, TransportFailed),
    ],
)
def test_a_status_says_what_it_says(status: int, error: type[UpstreamError] | None) -> None:
    found = refusal(httpx2.Response(status), "Douyin", remedy="log in")
    assert type(found) is (error or type(None))


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [("7", 7.0), ("soon", 30.0), ("", 30.0), ("-1", 30.0), ("9" * 400, 3600.0)],
)
def test_the_wait_that_is_asked_for_is_kept_within_reason(header: str, wait_s: float) -> None:
    found = refusal(httpx2.Response(429, headers={"retry-after": header}), "Douyin", remedy="")
    assert isinstance(found, RateLimited)
    assert found.retry_after_s == wait_s


async def test_addresses_are_checked_off_the_event_loop() -> None:
    with pytest.raises(PrivateAddress):
        await check_address(AddressPolicy(), "http://127.0.0.1/")
    await check_address(AddressPolicy(allow_private=True), "http://127.0.0.1/")
