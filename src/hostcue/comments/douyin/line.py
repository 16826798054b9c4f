"""One WebSocket to a Douyin push server."""

from __future__ import annotations

from collections.abc import Mapping

from hostcue.comments.line import Line, connect_line
from hostcue.errors import AuthRequired, SignatureRefused, TransportFailed

_ORIGIN = "https://live.douyin.com"


async def open_line(
    url: str,
    *,
    headers: Mapping[str, str],
    user_agent: str,
    proxy: str | None,
    timeout_s: float,
) -> Line:
    """Open the connection; no text it raises or logs holds the URL or a header.

    Raises:
        SignatureRefused: the server does not take what we are, or how we sign.
        AuthRequired: only a logged-in cookie helps.
        TransportFailed: anything else.
        ConfigError: the proxy in the settings cannot be used.
    """
    return await connect_line(
        url,
        platform="Douyin",
        origin=_ORIGIN,
        headers=headers,
        user_agent=user_agent,
        proxy=proxy,
        timeout_s=timeout_s,
        refusal=_refusal,
    )


def _refusal(
    status: int, headers: Mapping[str, str]
) -> SignatureRefused | AuthRequired | TransportFailed:
    if status == 200 or "handshake-msg" in headers:
        # A refused device or signature is answered as a plain page, not by a status.
        return SignatureRefused(
            "Douyin refused the comment connection: device or signature not accepted",
            remedy="wait some minutes, set DOUYIN_COOKIE, or update hostcue: "
            "the platform changes its signature once or twice a year",
        )
    if status in {401, 403}:
        return AuthRequired(
            "Douyin wants a login for these comments", remedy="set DOUYIN_COOKIE to a login cookie"
        )
    return TransportFailed(f"Douyin's comment server answered with status {status}")
