"""What went wrong at the model service, in our words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostcue.analysis.failures import classify
from hostcue.errors import AuthRequired, Blocked, RateLimited, UpstreamError


@pytest.mark.parametrize(
    ("status", "code", "message", "expected", "retryable"),
    [
        (429, "limit_requests", "", RateLimited, True),
        (429, "insufficient_quota", "", RateLimited, True),
        (429, None, "", RateLimited, True),
        (200, "Throttling.AllocationQuota", "", RateLimited, True),
        (429, "CommodityNotPurchased", "", AuthRequired, False),
        (429, "x", "Free allocated quota exceeded", AuthRequired, False),
        (403, "AllocationQuota.FreeTierOnly", "", AuthRequired, False),
        (400, "Arrearage", "", AuthRequired, False),
        (403, "AccessDenied.Unpurchased", "", AuthRequired, False),
        (200, "PrepaidBillOverdue", "", AuthRequired, False),
        (401, "invalid_api_key", "", AuthRequired, False),
        (401, None, "", AuthRequired, False),
        (400, "DataInspectionFailed", "", Blocked, False),
        (400, "data_inspection_failed", "", Blocked, False),
        (200, "content_filter", "", Blocked, False),
        (500, "InternalError.Algo", "", UpstreamError, True),
        (503, "ModelUnavailable", "", UpstreamError, True),
        (408, "RequestTimeOut", "", UpstreamError, True),
        (200, "SystemError", "", UpstreamError, True),
        (502, None, "<html>", UpstreamError, True),
        (400, "InvalidParameter", "", UpstreamError, False),
        (404, "model_not_found", "", UpstreamError, False),
        (400, "Model.NotExist", "", UpstreamError, False),
        (413, None, "", UpstreamError, False),
    ],
)
def test_a_refusal_is_told_by_its_code_before_its_status(
    status: int, code: str | None, message: str, expected: type[UpstreamError], retryable: bool
) -> None:
    failure = classify(status, code, message, {})
    assert type(failure) is expected
    assert failure.retryable is retryable


def test_a_wrong_model_names_its_setting() -> None:
    assert classify(404, "model_not_found", "", {}).field == "QWEN_MM_MODEL"


def wait(headers: Mapping[str, str], code: str = "limit_requests") -> float:
    failure = classify(429, code, "", headers)
    assert isinstance(failure, RateLimited)
    return failure.retry_after_s


def test_the_wait_is_what_the_service_says_within_a_minute() -> None:
    assert wait({"retry-after": "7"}) == 7
    assert wait({"retry-after": "86400"}) == 60
    assert wait({}) == 2
    assert wait({}, "limit_burst_rate") == 5
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30))
    assert 25 < wait({"retry-after": soon}) <= 30
    past = format_datetime(datetime.now(UTC) - timedelta(days=1))
    assert wait({"retry-after": past}) == 0


@given(st.text())
def test_any_retry_after_is_a_wait_within_a_minute(value: str) -> None:
    assert 0 <= wait({"retry-after": value}) <= 60


@given(st.integers(100, 599), st.text(), st.text())
def test_what_the_service_says_is_not_passed_on(status: int, code: str, message: str) -> None:
    failure = classify(status, code, f"sk-secret {message}", {})
    assert "sk-secret" not in f"{failure} {failure.remedy}"
    assert len(str(failure)) < 200
    assert str(failure).isprintable()
