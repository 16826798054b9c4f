"""Structured logs, with secrets taken out before anything is rendered."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_KEY = re.compile(
    r"cookie|(?<!input_)(?<!output_)token(?!s)|api_?key|authorization|secret|password|signature|^pii_",
    re.IGNORECASE,
)
_SECRET_IN_TEXT = re.compile(
    r"(?i)\b(\w*(?:sign(?:ature)?|secret|token|key|password|a_bogus|ttwid|expire|time)\w*)=[^&\s;\"']+"
)
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]+@")
_BEARER = re.compile(r"(?i)\b(bearer\s+|sk-)[\w.~+/=-]{6,}")


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Structlog processor: blank secret keys, at any depth, and secrets inside text."""
    return {k: _clean(k, v) for k, v in event.items()}


def redact_text(text: str) -> str:
    """The text without signed query values, user info in URLs and bearer tokens."""
    text = _USER_INFO.sub(r"\1***@", text)
    text = _BEARER.sub(r"\1***", text)
    return _SECRET_IN_TEXT.sub(r"\1=***", text)


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return "***"
    if isinstance(value, Mapping):
        return {k: _clean(str(k), v) for k, v in value.items()}
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, Iterable):
        return [_clean("", v) for v in value]
    if isinstance(value, BaseException):
        return redact_text(f"{type(value).__name__}: {value}")
    return value


class _Forward(logging.Handler):
    """Lines of libraries, put through the same redaction and form as our own."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger(record.name).log(
            record.levelno, "library", said=record.getMessage(), exc_info=record.exc_info or None
        )


def setup(level: int = logging.INFO, *, json: bool = False) -> None:
    """Configure structlog once, at process start; `json` for machines, colours for people.

    Logs go to standard error, so that standard output stays a command's own. What libraries log
    from a warning on comes along.
    """
    renderer = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(handlers=[_Forward()], level=logging.WARNING, force=True)
