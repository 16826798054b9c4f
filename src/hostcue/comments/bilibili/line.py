"""One WebSocket to a comment server of Bilibili's, admitted."""

from __future__ import annotations

from collections.abc import Mapping

import anyio

from hostcue.comments.bilibili.packets import Operation, auth, unpack
from hostcue.comments.line import Line, connect_line
from hostcue.errors import AuthRequired, TransportFailed
from hostcue.platforms.bilibili import node
from hostcue.platforms.bilibili.web import BLOCKED_REMEDY, SITE, USER_AGENT


async def open_line(
    server: str,
    fields: Mapping[str, object],
    *,
    cookie: str,
    proxy: str | None,
    timeout_s: float,
) -> Line:
    """Connect and be admitted, within `timeout_s`; no text it raises or logs holds a secret.

    Raises:
        AuthRequired: the key in `fields` is not accepted.
        UpstreamChanged: the server speaks another language.
        TransportFailed: anything else.
        ConfigError: the proxy in the settings cannot be used.
    """
    try:
        with anyio.fail_after(timeout_s):
            line = await connect_line(
                f"{server}/sub",
                platform="Bilibili",
                origin=SITE,
                headers={"Cookie": cookie} if cookie else {},
                user_agent=USER_AGENT,
                proxy=proxy,
                timeout_s=None,
                refusal=_refusal,
            )
            try:
                await _be_admitted(line, fields)
            except BaseException:  # cancelled too: nobody else knows the line yet
                await line.close()
                raise
            return line
    except TimeoutError:
        raise TransportFailed(
            f"Bilibili's comment server does not answer within {timeout_s:g} s"
        ) from None


async def _be_admitted(line: Line, fields: Mapping[str, object]) -> None:
    """Say who we are, and wait for the word that this is accepted.

    Raises:
        AuthRequired: the key is not, or not any more.
        TransportFailed: no word, or the line broke.
        UpstreamChanged: another word than we know.
    """
    await line.send(auth(fields))
    packets = unpack(await line.receive())
    reply = next((p for p in packets if p.operation == Operation.AUTH_REPLY), None)
    code = node.read(reply.body)["code"].value if reply else None
    if code != 0:
        raise AuthRequired("Bilibili did not admit us to the comments", remedy=BLOCKED_REMEDY)


def _refusal(status: int, _: Mapping[str, str]) -> TransportFailed:
    return TransportFailed(f"Bilibili's comment server answered with status {status}")
