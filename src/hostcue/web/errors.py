"""Errors become answers: `{"error": {"code", "message", "field", "remedy"}}`."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import structlog
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive

from hostcue import errors
from hostcue.log import redact_text
from hostcue.web.auth import OPEN_PATHS, Refused, bearer, guard
from hostcue.web.contract.common import ErrorBody, ErrorDetail
from hostcue.web.state import service_of

log = structlog.get_logger(__name__)
T = TypeVar("T")

_STATUS: dict[type[errors.HostcueError], int] = {
    errors.BadRequest: 400,
    errors.UnknownPlatform: 400,
    errors.NotFound: 404,
    errors.FileDeleted: 410,
    errors.RoomNotFound: 404,
    errors.RoomOffline: 409,
    errors.LimitReached: 429,
    errors.Conflict: 409,
    errors.MediaUnsupported: 422,
    errors.DiskFull: 507,
    errors.FolderRefused: 507,
    errors.RateLimited: 503,
    errors.NotStreaming: 503,
    errors.StorageFailed: 503,
    errors.SpeechMissing: 503,
    errors.ModelRefused: 503,
    errors.EngineDied: 503,
    errors.UpstreamError: 502,
    errors.RecordingError: 502,
}
_BODY_BYTES = 8 << 20
_STRANGERS_BODY_BYTES = 64 << 10  # the login's: whoever sends it is not known yet

_REMEDIES: dict[type[errors.HostcueError], str] = {
    errors.RoomNotFound: "check the link; it may be of a room that is gone",
    errors.RoomOffline: "start again when the broadcast has begun",
    errors.Blocked: "wait some minutes; trying at once makes it worse",
    errors.NotFound: "list what there is with GET /api/recording/status or /segments",
    errors.RecordingError: "run `hostcue doctor`; hostcue's log may say more",
    errors.MediaUnsupported: "ask for another quality, which may come in another codec",
    errors.EngineDied: "another one is started by itself: try again in a moment",
    errors.InternalError: "please report it with what hostcue's log says",
    errors.DiskFull: "free some space on the disk of RECORDS_ROOT",
    errors.UpstreamChanged: "update hostcue; if that does not help, report what `doctor` says",
}


@contextmanager
def about(field: str) -> Iterator[None]:
    """Errors of what happens inside are the fault of this request field, unless they name one."""
    try:
        yield
    except (errors.RoomError, errors.UpstreamError, errors.RecordingError) as exc:
        exc.field = exc.field or field
        raise


def status_of(error: errors.HostcueError) -> int:
    """The HTTP status of an error, by its nearest known class."""
    if isinstance(error, Refused):
        return error.status
    return _of_class(error, _STATUS) or 500


def _of_class(error: errors.HostcueError, table: Mapping[type[errors.HostcueError], T]) -> T | None:
    """The table's entry for the error's class, or for the nearest one above it."""
    return next((table[kind] for kind in type(error).__mro__ if kind in table), None)


def error_response(error: errors.HostcueError) -> JSONResponse:
    """One error as an answer; secrets in its texts are taken out once more."""
    remedy = error.remedy or _of_class(error, _REMEDIES)
    detail = ErrorDetail(
        code=error.code,
        message=redact_text(error.message),
        field=error.field,
        remedy=redact_text(remedy) if remedy else None,
    )
    headers = {}
    if isinstance(error, errors.UpstreamError) and error.retry_after_s is not None:
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    if isinstance(error, Refused) and error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return JSONResponse(
        ErrorBody(error=detail).model_dump(exclude_none=True),
        status_code=status_of(error),
        headers=headers,
    )


class HostcueRoute(APIRoute):
    """A route that answers its own errors, so that a host's app keeps its handlers.

    It asks for the token before it reads a body, and reads only so much of one.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[object, object, Response]]:
        """FastAPI's handler, with our errors turned into answers around it."""
        handle = super().get_route_handler()
        is_open = self.path in OPEN_PATHS
        most = _STRANGERS_BODY_BYTES if is_open else _BODY_BYTES

        async def answer(request: Request) -> Response:
            try:
                if not is_open:
                    await guard(request, await service_of(request), await bearer(request))
                return await handle(Request(request.scope, _at_most(most, request.receive)))
            except errors.HostcueError as exc:
                if status_of(exc) >= 500:
                    log.warning(
                        "request_failed", path=request.scope["path"], code=exc.code, error=exc
                    )
                return error_response(exc)
            except RequestValidationError as exc:
                return _invalid(exc)
            except HTTPException as exc:
                return _refused_body(exc)
            except Exception:  # a boundary: a request's failure is an answer, never a traceback
                log.exception("request_broke", path=request.scope["path"])
                return _plain(
                    500,
                    "internal_error",
                    "hostcue failed here; its log says where",
                    None,
                    "please report it with the log line request_broke",
                )

        return answer


def _at_most(most: int, receive: Receive) -> Receive:
    """`receive`, until it has brought more bytes of a body than that."""
    taken = 0

    async def receive_some() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:  # FastAPI lets only its own kind of error through while it reads
            raise HTTPException(413, f"the body is larger than {most >> 10} KiB")
        return message

    return receive_some


async def http_error(_: Request, exc: Exception) -> JSONResponse:
    """The app's own answers (no such route, wrong method) in the shape of all others."""
    status = exc.status_code if isinstance(exc, HTTPException) else 500
    code = {404: "not_found", 405: "method_not_allowed"}.get(status, "error")
    answer = _plain(status, code, str(getattr(exc, "detail", "internal error")))
    answer.headers.update(getattr(exc, "headers", None) or {})  # 405 says what is allowed
    return answer


def _invalid(exc: RequestValidationError) -> JSONResponse:
    """Names the first field at fault; the value itself is not repeated, it may be a secret."""
    first = exc.errors()[0]
    place = [str(part) for part in first["loc"][1:]] or [str(first["loc"][0])]
    field = ".".join(place)
    message = str(first["msg"]).removeprefix("Value error, ")
    remedy = "its type and limits are in /openapi.json"
    if first["type"] == "extra_forbidden":
        remedy = "leave it out"
    elif first["type"] == "json_invalid":
        field, message, remedy = "body", "the body is not JSON", "send a JSON object"
    return _plain(422, "invalid_request", f"{field}: {message}", field, remedy)


def _refused_body(exc: HTTPException) -> JSONResponse:
    if exc.status_code == 413:
        return _plain(413, "too_large", str(exc.detail), "body", "send it in several requests")
    return _plain(exc.status_code, "invalid_request", str(exc.detail))


def _plain(
    status: int, code: str, message: str, field: str | None = None, remedy: str | None = None
) -> JSONResponse:
    detail = ErrorDetail(code=code, message=message, field=field, remedy=remedy)
    return JSONResponse(ErrorBody(error=detail).model_dump(exclude_none=True), status_code=status)
