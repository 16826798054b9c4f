"""The pages and their files, and a login page for a browser without a token."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from fastapi import APIRouter, Request, Response

from hostcue.errors import NotFound
from hostcue.web.errors import HostcueRoute

_HERE = Path(__file__).parent
_STATIC = _HERE / "static"
_MEDIA_TYPES = {  # not asked of the system: Windows may call JavaScript text/plain
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_POLICY = (
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'self'"
)


@dataclass(frozen=True, slots=True)
class _File:
    content: bytes
    media_type: str
    etag: str

    @classmethod
    def read(cls, path: Path) -> Self:
        content = path.read_bytes()
        etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        return cls(content, _MEDIA_TYPES[path.suffix], etag)

    def answer(self, request: Request) -> Response:
        """The file, or that the browser has it already."""
        headers = _HEADERS | {"ETag": self.etag, "Content-Security-Policy": _POLICY}
        if self.etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return Response(self.content, media_type=self.media_type, headers=headers)


_FILES = {
    path.relative_to(_STATIC).as_posix(): _File.read(path)
    for path in sorted(_STATIC.rglob("*"))
    if path.suffix in _MEDIA_TYPES
}
_LOGIN = (_HERE / "login.html").read_bytes()


class PageRoute(HostcueRoute):
    """A route whose 401 is a login page when a browser asks for a page.

    The login page brings its own style and script, since a browser without the cookie gets no
    other file; they are allowed by their hashes.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        """The handler of `HostcueRoute`, with the login page in place of its JSON."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            response = await handle(request)
            if response.status_code != 401 or "text/html" not in request.headers.get("accept", ""):
                return response
            return Response(_LOGIN, status_code=401, media_type="text/html", headers=_LOGIN_HEADERS)

        return answer


def _hashes(tag: str) -> str:
    """The blocks of this kind in the login page, as a policy names them."""
    blocks = re.findall(rf"<{tag}>(.*?)</{tag}>".encode(), _LOGIN, re.DOTALL)
    return " ".join(
        f"'sha256-{b64encode(hashlib.sha256(block).digest()).decode()}'" for block in blocks
    )


_LOGIN_HEADERS = _HEADERS | {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        f"default-src 'none'; script-src {_hashes('script')}; style-src {_hashes('style')}; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "WWW-Authenticate": "Bearer",
}

router = APIRouter(tags=["pages"], route_class=PageRoute, include_in_schema=False)


@router.get("/")
async def live_view(request: Request) -> Response:
    """The live view."""
    return _FILES["index.html"].answer(request)


@router.get("/static/{name:path}")
async def static_file(name: str, request: Request) -> Response:
    """A file of the pages; nothing else can be named."""
    file = _FILES.get(name)
    if file is None:
        raise NotFound(f"there is no file {name} here", field="name")
    return file.answer(request)
