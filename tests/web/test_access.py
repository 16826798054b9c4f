"""Who is let in, how much of a request is read, and which answer each error becomes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

import hostcue
from hostcue import errors
from hostcue.config import Settings
from hostcue.web.auth import COOKIE, Access, Refused
from hostcue.web.errors import HostcueRoute, error_response, status_of
from hostcue.wiring import open_service

TOKEN = "the-token-of-this-test"
SHOP = "https://shop.example"
OPEN, CLOSED = Access(None, (SHOP,)), Access(TOKEN, (SHOP,))
SESSION = {"Cookie": f"{COOKIE}={CLOSED.session_value()}"}


def request(
    headers: dict[str, str] | None = None, *, peer: str | None = "127.0.0.1", method: str = "GET"
) -> Request:
    given = {"Host": "127.0.0.1:8765"} | (headers or {})
    return Request(
        {
            "type": "http",
            "method": method,
            "path": "/api/recording/status",
            "headers": [(k.lower().encode(), v.encode("latin-1")) for k, v in given.items()],
            "client": (peer, 50_000) if peer is not None else None,
        }
    )


def refusal(access: Access, asked: Request, presented: str | None = None) -> int | None:
    try:
        access.check(asked, presented)
    except Refused as exc:
        return exc.status
    return None


class TestWithoutAToken:
    @pytest.mark.parametrize("peer", ["127.0.0.1", "127.0.0.2", "::1"])
    @pytest.mark.parametrize(
        "host", ["127.0.0.1", "127.0.0.2:80", "localhost", "LOCALHOST:8765", "[::1]", "[::1]:8765"]
    )
    def test_this_machine_is_served(self, peer: str, host: str) -> None:
        assert refusal(OPEN, request({"Host": host}, peer=peer)) is None
        own = {"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"}
        assert refusal(OPEN, request(own, peer=peer, method="POST")) is None

    @pytest.mark.parametrize("peer", ["192.168.1.7", "203.0.113.9", "fe80::1", "", None])
    def test_no_other_machine_is_served(self, peer: str | None) -> None:
        assert refusal(OPEN, request(peer=peer)) == 403

    @pytest.mark.parametrize(
        "host",
        ["hostcue.example", "localhost.example", "192.168.1.7", "", ":80", "[::1", "[", "::1]"],
    )
    def test_the_host_must_be_a_loopback_name(self, host: str) -> None:
        assert refusal(OPEN, request({"Host": host})) == 403

    @pytest.mark.parametrize(
        "name",
        [
            "Forwarded",
            "Via",
            "X-Forwarded-For",
            "X-Forwarded-Host",
            "X-Forwarded-Proto",
            "X-Forwarded",
            "X-Real-IP",
            "X-Client-IP",
            "CF-Connecting-IP",
            "True-Client-IP",
        ],
    )
    def test_no_proxy_may_stand_in_between(self, name: str) -> None:
        assert refusal(OPEN, request({name: "127.0.0.1"})) == 403

    @pytest.mark.parametrize(
        "origin",
        ["https://evil.example", "null", "", "http://[", "http://127.0.0.1:9", SHOP + ".evil", "x"],
    )
    def test_no_foreign_page_may_call(self, origin: str) -> None:
        assert refusal(OPEN, request({"Origin": origin})) == 403

    def test_a_page_that_names_no_origin_is_known_by_its_site(self) -> None:
        for site in ("none", "same-origin"):
            assert refusal(OPEN, request({"Sec-Fetch-Site": site})) is None
        assert refusal(OPEN, request({"Sec-Fetch-Site": "cross-site"})) == 403

    def test_a_listed_origin_may_call(self) -> None:
        headers = {"Origin": SHOP, "Sec-Fetch-Site": "cross-site"}
        assert refusal(OPEN, request(headers, method="POST")) is None

    @given(st.text(st.characters(codec="latin-1", exclude_characters="\r\n")))
    def test_no_header_breaks_the_rules(self, value: str) -> None:
        for name in ("Host", "Origin", "Sec-Fetch-Site", "Cookie"):
            assert refusal(OPEN, request({name: value})) in {None, 403}
            assert refusal(CLOSED, request({name: value}, method="POST")) == 401


class TestWithAToken:
    def test_the_token_lets_anyone_in(self) -> None:
        asked = request(
            {"Host": "[::1", "Origin": "http://[", "Via": "proxy"}, peer="203.0.113.9", method="PUT"
        )
        assert refusal(CLOSED, asked, TOKEN) is None

    @pytest.mark.parametrize("presented", [None, "", "wrong", TOKEN + " ", TOKEN[:-1], "é"])
    def test_anything_else_does_not(self, presented: str | None) -> None:
        assert refusal(CLOSED, request(), presented) == 401

    def test_the_login_cookie_lets_pages_of_its_own_origin_act(self) -> None:
        own = SESSION | {"Origin": "http://127.0.0.1:8765"}
        assert refusal(CLOSED, request(SESSION)) is None
        assert refusal(CLOSED, request(own, method="POST")) is None
        assert refusal(CLOSED, request(SESSION | {"Origin": SHOP}, method="POST")) is None

    @pytest.mark.parametrize(
        "headers",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "http://["},
            {"Origin": "null", "Host": ""},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
    )
    def test_the_login_cookie_does_nothing_for_other_pages(self, headers: dict[str, str]) -> None:
        assert refusal(CLOSED, request(SESSION | headers, method="POST")) == 403

    def test_a_refusal_says_what_to_do(self) -> None:
        for access, asked in ((CLOSED, request()), (OPEN, request(peer="203.0.113.9"))):
            with pytest.raises(Refused) as caught:
                access.check(asked, None)
            assert "HOSTCUE_TOKEN" in str(caught.value.remedy)

    def test_a_cookie_of_another_token_or_a_wrong_token_beside_it_is_refused(self) -> None:
        other = {"Cookie": f"{COOKIE}={Access('another').session_value()}"}
        assert refusal(CLOSED, request(other)) == 401
        assert refusal(CLOSED, request(SESSION), "wrong") == 401
        assert TOKEN not in CLOSED.session_value()


@asynccontextmanager
async def mounted(folder: Path, token: str | None = TOKEN) -> AsyncIterator[FastAPI]:
    variables = {
        "HOSTCUE_DATA_DIR": str(folder / "data"),
        "RECORDS_ROOT": str(folder / "records"),
    } | ({"HOSTCUE_TOKEN": token} if token is not None else {})
    app = FastAPI()
    hostcue.mount(app, opener=partial(open_service, Settings.only(variables)))
    async with app.router.lifespan_context(app):
        yield app


@asynccontextmanager
async def talking_to(folder: Path, token: str | None = TOKEN) -> AsyncIterator[httpx2.AsyncClient]:
    async with mounted(folder, token) as app:
        transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            yield client


START = "/api/recording/start"
JSON = {"Content-Type": "application/json"}
KNOWN = JSON | {"Authorization": f"Bearer {TOKEN}"}


async def test_a_stranger_is_refused_before_anything_of_the_body_is_read(tmp_path: Path) -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        raise AssertionError("the body was asked for")

    async def send(message: Message) -> None:
        sent.append(message)

    async with mounted(tmp_path) as app:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"200000000")]
        await app(
            {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": "POST",
                "scheme": "http",
                "path": START,
                "raw_path": START.encode(),
                "query_string": b"",
                "root_path": "",
                "headers": [*headers, (b"authorization", b"Bearer wrong")],
                "client": ("127.0.0.1", 5),
                "server": ("127.0.0.1", 80),
            },
            receive,
            send,
        )
    assert sent[0]["status"] == 401
    assert json.loads(sent[1]["body"])["error"]["code"] == "unauthorized"


async def test_a_stranger_learns_nothing_from_what_is_wrong_with_the_request(
    tmp_path: Path,
) -> None:
    async with talking_to(tmp_path) as client:
        for headers in (JSON, JSON | {"Authorization": "Bearer wrong"}):
            answer = await client.post(START, content=b"{", headers=headers)
            assert answer.status_code == 401
            assert answer.headers["www-authenticate"] == "Bearer"
        answer = await client.get("/api/comments?limit=none", headers=JSON)
        assert answer.status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.post(START, content=b"{", headers=KNOWN)).status_code == 422


async def test_a_body_that_is_too_large_is_refused_also_without_a_length(tmp_path: Path) -> None:
    pieces_taken = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal pieces_taken
        for _ in range(100):
            pieces_taken += 1
            yield b" " * (1 << 20)

    async with talking_to(tmp_path) as client:
        for content in (b" " * ((8 << 20) + 1), pieces()):
            answer = await client.post(START, content=content, headers=KNOWN)
            assert answer.status_code == 413
            error = answer.json()["error"]
            assert (error["code"], error["field"]) == ("too_large", "body")
            assert error["remedy"]
        body = b'{"live_url": "https://nowhere.example/x"}'.ljust(8 << 20)
        answer = await client.post(START, content=body, headers=KNOWN)
        assert answer.json()["error"]["code"] == "unknown_platform"
    assert pieces_taken == 9


async def test_the_login_reads_little_since_anyone_may_send_it(tmp_path: Path) -> None:
    async with talking_to(tmp_path) as client:
        body = json.dumps({"token": TOKEN}).encode()
        answer = await client.post("/api/login", content=body.ljust(65 << 10), headers=JSON)
        assert answer.status_code == 413
        answer = await client.post("/api/login", content=body, headers=JSON)
        assert answer.status_code == 200
        cookie = {"Cookie": answer.headers["set-cookie"].split(";")[0]}
        assert (await client.get("/api/recording/status", headers=cookie)).status_code == 200


async def test_headers_that_cannot_be_read_are_refused_not_a_failure(tmp_path: Path) -> None:
    async with talking_to(tmp_path, token=None) as client:
        for headers in ({"Host": "[::1"}, {"Origin": "http://["}, {"X-Forwarded-Proto": "https"}):
            answer = await client.get("/api/recording/status", headers=headers)
            assert answer.status_code == 403, headers
            assert answer.json()["error"]["code"] == "forbidden"
        assert (await client.get("/api/recording/status")).status_code == 200


def kinds(above: type[errors.HostcueError] = errors.HostcueError) -> Iterator[type[Exception]]:
    for kind in above.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from kinds(kind)


STATUS = {
    "ConfigError": 500,
    "BadRequest": 400,
    "PrivateAddress": 400,
    "NotFound": 404,
    "FileDeleted": 410,
    "Conflict": 409,
    "LimitReached": 429,
    "CleanupRefused": 409,
    "UnknownPlatform": 400,
    "RoomNotFound": 404,
    "RoomOffline": 409,
    "UpstreamError": 502,
    "Blocked": 502,
    "AuthRequired": 502,
    "RateLimited": 503,
    "UpstreamChanged": 502,
    "TransportFailed": 502,
    "NotStreaming": 503,
    "NoMedia": 502,
    "AnswerError": 502,
    "DeliveryFailed": 502,
    "StorageFailed": 503,
    "InternalError": 500,
    "RecordingError": 502,
    "WorkerDied": 502,
    "MediaUnsupported": 422,
    "DiskFull": 507,
    "FolderRefused": 507,
    "SignatureRefused": 502,
    "SignerFailed": 502,
    "BrowserMissing": 500,
    "BrowserDied": 502,
    "SpeechMissing": 503,
    "ModelRefused": 503,
    "EngineDied": 503,
}


def test_every_error_that_is_raised_has_a_status() -> None:
    assert {kind.__name__ for kind in kinds()} - {"RoomError"} == set(STATUS)


@pytest.mark.parametrize("name", STATUS)
def test_each_error_becomes_its_answer(name: str) -> None:
    kind = getattr(errors, name)
    more: dict[str, object] = {}
    if name == "RateLimited":
        more = {"retry_after_s": 7.4}
    elif name == "UpstreamError":
        more = {"retryable": True}
    elif name == "DeliveryFailed":
        more = {"retryable": True, "code": kind.code}
    error = kind("it failed at https://me:canary@host/a?b=canary", **more)
    assert status_of(error) == STATUS[name]
    answer = error_response(error)
    assert answer.status_code == STATUS[name]
    assert answer.headers.get("retry-after") == ("7" if name == "RateLimited" else None)
    detail = json.loads(bytes(answer.body))["error"]
    assert detail["code"] == kind.code
    assert detail["message"] == "it failed at https://***@host/a?***"


def test_a_remedy_is_given_through_or_comes_from_the_kind() -> None:
    told = errors.ConfigError("no Node.js", field="platform", remedy="install Node.js")
    detail = json.loads(bytes(error_response(told).body))["error"]
    assert detail == {
        "code": "config",
        "message": "no Node.js",
        "field": "platform",
        "remedy": "install Node.js",
    }
    for error in (errors.RecordingError("x"), errors.WorkerDied("x"), errors.DiskFull("x")):
        assert json.loads(bytes(error_response(error).body))["error"]["remedy"]


async def test_an_error_of_settings_inside_a_request_keeps_its_remedy(tmp_path: Path) -> None:
    async with mounted(tmp_path) as app:

        async def fails() -> None:
            raise errors.ConfigError("no Node.js", remedy="install Node.js")

        app.router.add_api_route("/fails", fails, route_class_override=HostcueRoute)
        transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            assert (await client.get("/fails")).status_code == 401
            answer = await client.get("/fails", headers=KNOWN)
    assert answer.status_code == 500
    assert answer.json()["error"] == {
        "code": "config",
        "message": "no Node.js",
        "remedy": "install Node.js",
    }
