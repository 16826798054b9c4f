"""What went wrong at the model service, in our words.

The providers' own texts are never passed on: they quote keys and viewers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from hostcue.errors import (
    AuthRequired,
    Blocked,
    ConfigError,
    RateLimited,
    TransportFailed,
    UpstreamError,
)

_DEFAULT_WAIT_S = 2.0
_BURST_WAIT_S = 5.0
_LONGEST_WAIT_S = 60.0  # quotas of DashScope recover within a minute

# Codes of both protocols (reference/qwen.md 1.7), lower case, without dots and underscores.
# `insufficient_quota` is a passing limit on tokens here, unlike at OpenAI.
_FILTERED = re.compile(r"datainspectionfailed|contentfilter")
_REFUSED = re.compile(
    r"invalidapikey|accessdenied|arrearage|billoverdue|commoditynotpurchased|unauthorized"
    r"|freetieronly|freeallocatedquota"
)
_FREE_QUOTA = re.compile(r"free (?:allocated )?(?:quota|tier)", re.IGNORECASE)
_NO_SUCH_MODEL = re.compile(r"modelnotfound|modelnotexist")
_THROTTLED = re.compile(r"throttling|limitrequests|limitburstrate|insufficientquota|ratelimit")
_OVERLOADED = re.compile(
    r"internalerror|systemerror|modelservicefailed|modelservingerror|modelunavailable"
    r"|requesttimeout|serviceunavailable|gatewaytimeout"
)


def classify(
    status: int, code: str | None, message: str, headers: Mapping[str, str]
) -> UpstreamError:
    """Our error for an answer that is a refusal; `message` is only looked at, never repeated.

    The code decides before the status: an unpaid bill comes as 400, a missing purchase as 429,
    and the native protocol may say anything under 200.
    """
    key = re.sub(r"[^a-z]", "", (code or "").lower())
    said = ", ".join(filter(None, (re.sub(r"[^\w.-]", "", code or "")[:60], f"HTTP {status}")))
    if _FILTERED.search(key):
        return Blocked(
            "the model service's content filter refused this segment",
            remedy="nothing to do: lines came from templates instead",
        )
    if _REFUSED.search(key) or _FREE_QUOTA.search(message) or status in {401, 403}:
        return AuthRequired(
            f"the model service refused the key or the account ({said})",
            remedy="check DASHSCOPE_API_KEY and the account's balance; "
            "a key works in its own region only (HOSTCUE_QWEN_BASE_URL)",
        )
    if _THROTTLED.search(key) or status == 429:
        return RateLimited(
            f"the model service asks to slow down ({said})",
            retry_after_s=_wait_s(headers, _BURST_WAIT_S if "burst" in key else _DEFAULT_WAIT_S),
        )
    if _NO_SUCH_MODEL.search(key) or status == 404:
        return UpstreamError(
            f"the model service does not know this model or address ({said})",
            retryable=False,
            field="QWEN_MM_MODEL",
            remedy="check QWEN_MM_MODEL and HOSTCUE_QWEN_BASE_URL",
        )
    overloaded = status >= 500 or status == 408 or _OVERLOADED.search(key) is not None
    return UpstreamError(f"the model service failed ({said})", retryable=overloaded)


def timed_out(seconds: float) -> TransportFailed:
    """No answer within the deadline of one try."""
    return TransportFailed(f"the model service did not answer within {seconds:g} s")


def unreachable(exc: Exception) -> TransportFailed:
    """No connection, or it broke; the kind of failure is told, not its text."""
    return TransportFailed(
        f"no connection to the model service ({type(exc.__cause__ or exc).__name__})",
        remedy="check the network, the proxy settings and HOSTCUE_QWEN_BASE_URL",
    )


def broken_body() -> TransportFailed:
    """Status 200, but the body is no JSON: it was cut off on the way."""
    return TransportFailed("the model service's answer broke off")


def unusable_proxy() -> ConfigError:
    """The HTTP client does not take the proxy; its address may hold a password and is not told."""
    return ConfigError(
        "the proxy for the model service can't be used",
        field="HTTPS_PROXY",
        remedy="give it as http://host:port or https://host:port",
    )


def _wait_s(headers: Mapping[str, str], default: float) -> float:
    """`Retry-After`, which is seconds or a date, within reason."""
    value = headers.get("retry-after", "")
    try:
        if not value.isdigit():
            return _bounded((parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        return _bounded(float(value))
    except (ValueError, TypeError):
        return default


def _bounded(wait_s: float) -> float:
    return max(0.0, min(wait_s, _LONGEST_WAIT_S))
