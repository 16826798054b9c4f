"""The pages as a browser gets them: files, headers, and the login page."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urljoin

import httpx2

from hostcue.config import Settings
from hostcue.web.app import create_app
from hostcue.wiring import open_service

TOKEN = "the-token-of-this-test"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@asynccontextmanager
async def client(folder: Path, *, token: str | None = None) -> AsyncIterator[httpx2.AsyncClient]:
    settings = Settings.only(
        {"HOSTCUE_DATA_DIR": str(folder / "data"), "RECORDS_ROOT": str(folder / "records")}
        | ({"HOSTCUE_TOKEN": token} if token else {})
    )
    app = create_app(lambda parts: open_service(settings, parts))
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 5))
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http,
    ):
        yield http


async def test_pages_and_all_they_name_come_with_type_policy_and_etag(tmp_path: Path) -> None:
    types = {
        "html": "text/html",
        "css": "text/css",
        "js": "text/javascript",
        "svg": "image/svg+xml",
    }
    seen: set[str] = set()
    waiting = ["/", "/static/douyin_test.html"]
    async with client(tmp_path) as http:
        while waiting:
            path = waiting.pop()
            if path in seen:
                continue
            seen.add(path)
            answer = await http.get(path, headers=BROWSER)
            assert answer.status_code == 200, path
            kind = path.rpartition(".")[2] if path != "/" else "html"
            assert answer.headers["content-type"].split(";")[0] in types[kind]
            policy = answer.headers["content-security-policy"]
            assert "default-src 'self'" in policy
            assert "unsafe" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["referrer-policy"] == "same-origin"
            assert answer.headers["cache-control"] == "no-cache"
            again = await http.get(path, headers={"If-None-Match": answer.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            named = re.findall(r'(?:href|src)="([^"#]+)"|from "([^"]+)"', answer.text)
            waiting += [
                urljoin(path, name) for pair in named for name in pair if name not in {"", ".."}
            ]
    assert {"/static/js/live.js", "/static/js/zh.js", "/static/js/relay.js"} <= seen


async def test_a_name_that_is_no_file_of_the_pages_is_not_found(tmp_path: Path) -> None:
    names = ("nothing.js", "../pages.py", "%2e%2e/login.html", "js", "js/../../auth.py", "%00", "")
    async with client(tmp_path) as http:
        for name in names:
            answer = await http.get(f"/static/{name}", headers=BROWSER)
            assert answer.status_code == 404, name
            assert answer.json()["error"]["code"] == "not_found"


async def test_without_the_token_a_browser_sees_the_login_and_nothing_else(tmp_path: Path) -> None:
    async with client(tmp_path, token=TOKEN) as http:
        for path in ("/", "/static/douyin_test.html", "/static/js/live.js", "/static/none"):
            page = await http.get(path, headers=BROWSER)
            assert page.status_code == 401
            assert page.headers["content-type"].startswith("text/html")
            assert page.headers["cache-control"] == "no-store"
            assert 'type="password"' in page.text
            plain = await http.get(path)
            assert plain.status_code == 401
            assert plain.json()["error"]["code"] == "unauthorized"
        api = await http.get("/api/recording/status", headers=BROWSER)
        assert (api.status_code, api.json()["error"]["code"]) == (401, "unauthorized")


async def test_the_login_page_needs_no_other_file_and_its_policy_allows_what_it_brings(
    tmp_path: Path,
) -> None:
    async with client(tmp_path, token=TOKEN) as http:
        page = await http.get("/", headers=BROWSER)
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    blocks = re.findall(r"<(?:style|script)>(.*?)</(?:style|script)>", page.text, re.DOTALL)
    assert len(blocks) == 2
    for block in blocks:
        digest = b64encode(hashlib.sha256(block.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert not re.search(r'(?:src|href)="(?!data:)', page.text)


async def test_the_cookie_of_the_login_opens_the_pages(tmp_path: Path) -> None:
    async with client(tmp_path, token=TOKEN) as http:
        assert (await http.post("/api/login", json={"token": TOKEN})).status_code == 200
        page = await http.get("/", headers=BROWSER)
    assert page.status_code == 200
    assert 'id="stage"' in page.text
