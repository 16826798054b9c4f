"""Signed webhooks.

A message is one POST of `{"id", "type", "created_at", "data"}` with these headers:

    Hostcue-Signature: t=<Unix seconds>,v1=<hex HMAC-SHA256 of "<t>.<body>" under the secret>
    Hostcue-Delivery:  the same from try to try, so that a receiver can drop what it has

A receiver checks the bytes as they came, before it parses them, and refuses old ones:

    def genuine(secret: str, header: str, body: bytes) -> bool:
        fields = dict(part.partition("=")[::2] for part in header.split(","))
        signed = fields["t"].encode() + b"." + body
        expected = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        fresh = abs(time.time() - int(fields["t"])) < 300
        return fresh and hmac.compare_digest(expected, fields["v1"])

The addresses are the operator's own settings, and a receiver beside hostcue or in its network is
the usual case, so private addresses and loopback are allowed. Redirects are not followed: they
would take the signed message where nobody sent it.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx2

from hostcue.errors import DeliveryFailed, RateLimited
from hostcue.model.clock import now_ms
from hostcue.model.json_text import to_json
from hostcue.model.notification import Notification, Target
from hostcue.notifications.targets import no_webhook, target_of
from hostcue.platforms.http import reaching

_RETRY_AFTER_S = 30.0
_REQUEST_TIMEOUT, _TOO_MANY, _SERVER_ERROR = 408, 429, 500


class Webhook:
    """One receiver; `http` must not follow redirects by itself."""

    at_once = 1

    def __init__(
        self, http: httpx2.AsyncClient, url: str, *, secret: str, timeout_s: float = 10.0
    ) -> None:
        self.target: Target = target_of("webhook", url)
        self._http = http
        try:
            self._url = httpx2.URL(url)
        except httpx2.InvalidURL:
            raise no_webhook() from None
        self._secret = secret.encode()
        self._timeout_s = timeout_s
        self._agent = f"hostcue/{version('hostcue')}"

    async def send(self, notification: Notification, delivery_id: str) -> None:
        """One POST; any 2xx is success, and the answer's body is not read."""
        body = body_of(notification)
        request = self._http.build_request(
            "POST",
            self._url,
            content=body,
            headers={
                "Content-Type": "application/json",
                "User-Agent": self._agent,
                "Hostcue-Delivery": delivery_id,
                "Hostcue-Signature": signature(self._secret, body, now_ms() // 1000),
            },
        )
        with reaching(request.url.host, self._timeout_s):
            response = await self._http.send(request, stream=True, follow_redirects=False)
            await response.aclose()
        _check(response)


def body_of(notification: Notification) -> bytes:
    """What is posted, and signed byte by byte."""
    return to_json(
        {
            "id": notification.id,
            "type": notification.kind,
            "created_at": notification.created_ms,
            "data": {
                **notification.data,
                "subject": notification.subject,
                "title": notification.title,
                "text": notification.text,
                "alarm_id": notification.alarm_id or None,
            },
        }
    ).encode()


def signature(secret: bytes, body: bytes, at_s: int) -> str:
    """The value of `Hostcue-Signature`."""
    signed = b"%d.%b" % (at_s, body)
    return f"t={at_s},v1={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"


def _check(response: httpx2.Response) -> None:
    status = response.status_code
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise DeliveryFailed(
            f"the receiver redirects (HTTP {status}), which webhooks do not follow",
            code="redirected",
            retryable=False,
            remedy="put the address it redirects to into HOSTCUE_WEBHOOK_URLS",
        )
    if status == _TOO_MANY:
        raise RateLimited(
            "the receiver asks us to slow down (HTTP 429)",
            retry_after_s=_retry_after_s(response.headers.get("retry-after", "")),
        )
    raise DeliveryFailed(
        f"the receiver answered HTTP {status}",
        code=f"http_{status}",
        retryable=status == _REQUEST_TIMEOUT or status >= _SERVER_ERROR,
    )


def _retry_after_s(value: str) -> float:
    """Seconds, or a date; what is neither counts as half a minute."""
    if value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return _RETRY_AFTER_S
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0.0, (at - datetime.now(UTC)).total_seconds())
