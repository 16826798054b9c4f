"""Who we are towards Douyin."""

from __future__ import annotations

import secrets
from http.cookies import CookieError, SimpleCookie

import anyio
import httpx2

from hostcue.errors import Blocked, ConfigError
from hostcue.platforms.douyin.broadcast import BLOCKED_REMEDY, BLOCKED_STATUS
from hostcue.platforms.http import exchange, refusal

USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/154.0.0.0 Safari/537.36"
)
_VISITOR_COOKIES = ("ttwid", "__ac_nonce")
# The range of ids that real pages carry: 19 digits from 7.3e18 up.
_FIRST_ID, _IDS = 7_300_000_000_000_000_000, 699_000_000_000_000_000


class Identity:
    """One browser as Douyin sees it: user agent, visitor id (`ttwid`), login cookie, unique id.

    The visitor id is fetched once, on first use, and kept: a new one per request looks like a bot,
    a built-in one would be shared by every installation. The login cookie is never shown.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        base_url: str,
        cookie: str | None = None,
        timeout_s: float = 10.0,
        user_agent: str = USER_AGENT,
    ) -> None:
        self.user_agent = user_agent
        self.user_unique_id = _new_unique_id()
        self._http = http
        self._base_url = base_url
        self._timeout_s = timeout_s
        self._login = _checked(cookie or "")
        self._visitor = ""
        self._fetching = anyio.Lock()

    def __repr__(self) -> str:
        return f"Identity(user_unique_id={self.user_unique_id!r}, login={bool(self._login)})"

    @property
    def login(self) -> str:
        """The login cookie alone, as a `Cookie` header; empty for a guest. A secret."""
        return self._login

    async def cookie_header(self) -> str:
        """The `Cookie` header to send.

        Raises:
            Blocked: Douyin gives us no visitor id.
            UpstreamError: it could not be asked.
        """
        if "ttwid=" in self._login:
            return self._login
        async with self._fetching:
            if not self._visitor:
                self._visitor = await self._fetch_visitor()
        return "; ".join(part for part in (self._visitor, self._login) if part)

    async def renew(self) -> None:
        """Become somebody else: a new unique id and, at once, a new visitor id."""
        self.expire()
        await self.cookie_header()

    def expire(self) -> None:
        """As `renew`, but the visitor id is fetched at its next use."""
        self.user_unique_id = _new_unique_id()
        self._visitor = ""

    async def _fetch_visitor(self) -> str:
        cookies: dict[str, str] = {}
        for _ in range(2):  # the first answer may be a challenge that only sets __ac_nonce
            headers = {"User-Agent": self.user_agent, "Accept-Language": "zh-CN,zh;q=0.9"}
            if cookies:
                headers["Cookie"] = _header(cookies)
            request = self._http.build_request("GET", f"{self._base_url}/", headers=headers)
            response = await exchange(self._http, request, timeout_s=self._timeout_s)
            error = refusal(response, "Douyin", remedy=BLOCKED_REMEDY, blocks=BLOCKED_STATUS)
            if error is not None:
                raise error
            cookies |= _set_cookies(response)
            if "ttwid" in cookies:
                return _header(cookies)
        raise Blocked("Douyin gives us no visitor id (ttwid)", remedy=BLOCKED_REMEDY)


def _checked(cookie: str) -> str:
    """The cookie, if it can stand in a header: the HTTP library's own error would quote it."""
    cookie = cookie.strip().strip(";")
    if not (cookie.isascii() and cookie.isprintable()):
        raise ConfigError(
            "the login cookie holds characters that no cookie has",
            field="DOUYIN_COOKIE",
            remedy="copy the value of the Cookie header from the browser's network view",
        )
    return cookie


def _new_unique_id() -> str:
    return str(_FIRST_ID + secrets.randbelow(_IDS))


def _header(cookies: dict[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


def _set_cookies(response: httpx2.Response) -> dict[str, str]:
    """The visitor cookies of an answer, whatever domain it sets them for."""
    found: dict[str, str] = {}
    for line in response.headers.get_list("set-cookie"):
        try:
            jar = SimpleCookie(line)
        except CookieError:
            continue
        found |= {name: jar[name].value for name in _VISITOR_COOKIES if name in jar}
    return found
