"""Structured logs, with secrets taken out before anything is rendered."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_KEY = re.compile(
    r"cookie|(?<!input_)(?<!output_)token(?!s)|api_?key|authorization|secret|password|signature|^pii_",
    re.IGNORECASE,
)
# Names of settings, headers, query values and cookies, in snake case.
_SECRET_NAME = re.compile(
    r".*(?:token|secret|password|passwd|signature|cookies?|authorization|api_?key)"
    r"|(?:.*_)?(?:sign|sig|auth|jwt|pwd|credentials?|bogus|session_?id(?:_ss)?|csrf)"
    r"|(?:.*_)?(?:auth|access|secret|private)_?key(?:_id)?|key_pair_id|key|md5|hdn(?:ts|ea|tl)"
    r"|ttwid|sid|sid_(?:tt|guard|ucp_v1)|uid_tt|odin_tt|sessdata|bili_jct|s_v_web_id|ac_nonce|w_rid"
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_WHOLE_LINE = ("cookie", "cookies", "authorization")  # their values hold spaces

# The slashes may be escaped, as in JSON. An apostrophe is part of a URL, and of some passwords.
_URL = re.compile(
    r"(?P<mark>:(?:\\?/|\\u002f){2})"
    r"(?P<authority>[^\s\"<>`/\\?#]*)(?P<path>[^\s\"<>`?#]*)(?P<query>[^\s\"<>`]*)",
    re.IGNORECASE,
)
_HOST_AND_PORT = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::\d*)?")
_NAME = re.compile(
    r"(?<![A-Za-z0-9_.$-])"
    r"(?P<escape>(?<=\\)(?:u[0-9A-Fa-f]{4}|[nrt]))?"  # of a line's end or an & before the name
    r"(?P<name>[A-Za-z0-9_.$-]++)"
    r"[\\\"'\]]*+\s*+[=:：＝]++>?[^\S\r\n]*+(?:b(?=[\"']))?"
)
_QUOTED = re.compile(
    r"(?P<quote>\\*+[\"'])(?:(?!(?P=quote))(?:\\.|.))*+(?P<end>(?P=quote))?", re.DOTALL
)
_LINE = re.compile(r"[^\r\n]++")
_LIST = re.compile(r"[\[{(][^\r\n]*+")
_WORD = re.compile(r"(?:(?!&[A-Za-z0-9_.$-]++=)\S)++")
_BEARER = re.compile(r"(?i)(?<![a-z0-9])(bearer\s+|sk-)[^\s\"'<]\S{5,}")
_RUN = re.compile(r"\S+")


def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Structlog processor: blank secret keys, at any depth, and secrets inside text."""
    return {k: _clean(k, v) for k, v in event.items()}


def redact_text(text: str) -> str:
    """The text without user info and query of its URLs, bearer tokens, and what secret names hold.

    Of a URL, scheme, host and path stay. What hides behind percent encoding goes as a whole.
    """
    text = _without_secrets(text)
    return _RUN.sub(_unless_encoded, text) if "%" in text else text


def _without_secrets(text: str) -> str:
    text = _URL.sub(_bare_url, text)
    text = _BEARER.sub(r"\1***", text)
    return "".join(_without_named(text))


def _unless_encoded(run: re.Match[str]) -> str:
    """Judged by its decoded form; twice, since a URL inside a URL's query is encoded twice."""
    plain = unquote(unquote(run[0]))
    return run[0] if _without_secrets(plain) == plain else "***"


def _bare_url(url: re.Match[str]) -> str:
    mark, authority, path, query = url.groups()
    _, at, host = authority.rpartition("@")
    if "@" in query and not path:
        return f"{mark}***"  # a password with ? or #, or a query with @: nobody can tell
    if "@" in path and (at or not _HOST_AND_PORT.fullmatch(host)):
        return f"{mark}***"  # a password with a slash: what looks like host and port begins it
    if _URL.search(path):
        path = "/***"
    return f"{mark}{at and '***@'}{host}{path}{query and query[0] + '***'}"


def _without_named(text: str) -> Iterator[str]:
    """The pieces of the text, with *** for the value after each secret name."""
    done = 0
    while found := _NAME.search(text, done):
        yield text[done : found.end()]
        done = found.end()
        name, escape = found["name"], found["escape"] or ""
        if not (_is_secret(name) or _is_secret(escape + name)):
            continue
        value = _value(text, done, whole_line=_snake(name).endswith(_WHOLE_LINE))
        if value is not None:
            yield f"{value['quote']}***{value['end'] or ''}" if value.re is _QUOTED else "***"
            done = value.end()
    yield text[done:]


def _value(text: str, at: int, *, whole_line: bool) -> re.Match[str] | None:
    kinds = (_QUOTED, _LINE) if whole_line else (_QUOTED, _LIST, _WORD)
    return next((found for kind in kinds if (found := kind.match(text, at))), None)


def _is_secret(name: str) -> bool:
    return _SECRET_NAME.fullmatch(_snake(name)) is not None


def _snake(name: str) -> str:
    return re.sub(r"[.$-]", "_", _HUMP.sub("_", name)).lower().strip("_")


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key) or _is_secret(key):
        return "***"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {k: _clean(str(k), v) for k, v in value.items()}
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    if isinstance(value, BaseException):
        return redact_text(f"{type(value).__name__}: {value}")
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [_clean("", v) for v in value]
    return redact_text(str(value))


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
