"""Every error this package raises on purpose.

HostcueError
├── ConfigError            a setting is missing or makes no sense; never retried
│   ├── BrowserMissing     no browser, or not the package that drives one
│   ├── SpeechMissing      the extra, or the model, that listening needs is not there
│   └── ModelRefused       a model file is not what it should be, or cannot be loaded
├── BadRequest             the caller asked for something that makes no sense; names the field
│   └── PrivateAddress     a live URL, redirect or playlist entry points into a private network
├── NotFound               no such recording, segment, frame or analysis
│   └── FileDeleted        the segment is known, its file was deleted to make room
├── Conflict               the thing exists, but not in a state that allows this
│   ├── LimitReached       as many recordings run as are allowed
│   └── CleanupRefused     it would delete more than half of all recordings
├── RoomError              what the link points at
│   ├── UnknownPlatform    no resolver takes this link
│   ├── RoomNotFound
│   └── RoomOffline        exists, but nobody is live
├── UpstreamError          a platform or model service failed; carries `retryable`
│   ├── Blocked            the platform refused us (risk control, captcha)
│   │   └── SignatureRefused   it took our signature, or the device we say we are, for none
│   ├── AuthRequired       only a logged-in cookie or a valid key helps
│   ├── RateLimited        carries `retry_after_s`
│   ├── UpstreamChanged    bytes or JSON that do not fit the known shape
│   ├── TransportFailed    no connection, or it broke
│   │   ├── NotStreaming   live, but no picture is sent yet, or for the moment
│   │   ├── NoMedia        what the address brings is no stream: a page, a text, nothing
│   │   └── BrowserDied    the browser or its tab ended, hangs, or could not be started
│   ├── SignerFailed       the user's own signature service gave no signature
│   ├── AnswerError        the model's text is not a usable list of tips
│   └── DeliveryFailed     a receiver did not take a notification; its code says why
├── StorageFailed          the database could not be read or written; may succeed later
├── EngineDied             a speech worker ended, or hung and was killed; another one starts
├── InternalError          a mistake of hostcue's own; its log says where
└── RecordingError
    ├── WorkerDied         a recording worker ended by itself; carries its last words
    ├── MediaUnsupported   no codec or container we can record; names what was found
    └── DiskFull
"""

from __future__ import annotations


class HostcueError(Exception):
    """Base class.

    `code` is stable: it is what REST bodies and log lines carry. The message is for the
    person in front of the screen; `remedy` says what that person can do; `field` names the
    request field or setting at fault. None of the three may hold a secret.
    """

    code = "error"

    def __init__(
        self, message: str, *, field: str | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.remedy = remedy


class ConfigError(HostcueError):
    """A setting is missing or makes no sense."""

    code = "config"


class BrowserMissing(ConfigError):
    """No browser, or not the package that drives one."""

    code = "browser_missing"


class SpeechMissing(ConfigError):
    """What listening needs is not installed: the extra `speech`, or a model."""

    code = "speech_missing"


class ModelRefused(ConfigError):
    """A model's file is damaged, is of another kind, or cannot be loaded."""

    code = "model_refused"


class BadRequest(HostcueError):
    """The caller asked for something that makes no sense."""

    code = "bad_request"


class PrivateAddress(BadRequest):
    """A URL, a redirect or a playlist entry leads into a private network."""

    code = "private_address"


class NotFound(HostcueError):
    """No such recording, segment, frame or analysis."""

    code = "not_found"


class FileDeleted(NotFound):
    """The segment is known, but its file was deleted to make room."""

    code = "file_deleted"


class Conflict(HostcueError):
    """The thing exists, but its state does not allow this."""

    code = "conflict"


class LimitReached(Conflict):
    """As many recordings run as are allowed."""

    code = "limit_reached"


class CleanupRefused(Conflict):
    """It would delete more than half of all recordings."""

    code = "cleanup_refused"


class RoomError(HostcueError):
    """What the link points at cannot be recorded."""

    code = "room"


class UnknownPlatform(RoomError):
    """No resolver takes this link."""

    code = "unknown_platform"


class RoomNotFound(RoomError):
    """The link is well formed, but there is no such room."""

    code = "room_not_found"


class RoomOffline(RoomError):
    """The room exists, but nobody is live."""

    code = "room_offline"


class UpstreamError(HostcueError):
    """A service we call failed.

    `retryable` says whether the same call may succeed later; the retry loop reads nothing else.
    `retry_after_s` is set where asking sooner than that is answered without asking the service.
    """

    code = "upstream"

    def __init__(
        self,
        message: str,
        *,
        retryable: bool,
        field: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(message, field=field, remedy=remedy)
        self.retryable = retryable
        self.retry_after_s: float | None = None


class Blocked(UpstreamError):
    """The platform refused us: risk control or a captcha."""

    code = "risk_control"

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, retryable=False, remedy=remedy)


class SignatureRefused(Blocked):
    """The platform did not take our signature, or the device that we say we are."""

    code = "signature_refused"


class AuthRequired(UpstreamError):
    """Only a logged-in cookie or a valid key helps."""

    code = "auth_required"

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, retryable=False, remedy=remedy)


class RateLimited(UpstreamError):
    """The service asked us to wait."""

    code = "rate_limited"
    retry_after_s: float

    def __init__(self, message: str, *, retry_after_s: float, remedy: str | None = None) -> None:
        super().__init__(message, retryable=True, remedy=remedy)
        self.retry_after_s = retry_after_s


class UpstreamChanged(UpstreamError):
    """Bytes or JSON that do not fit the known shape."""

    code = "upstream_changed"

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, retryable=False, remedy=remedy)


class TransportFailed(UpstreamError):
    """No connection, or it broke."""

    code = "transport_failed"

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, retryable=True, remedy=remedy)


class NotStreaming(TransportFailed):
    """The room is live, but no picture is sent yet, or for the moment; asking again helps."""

    code = "not_streaming"


class NoMedia(TransportFailed):
    """What the address brings is no stream: a page, a text, nothing."""

    code = "no_media"


class BrowserDied(TransportFailed):
    """The browser or its tab ended, hangs, or could not be started."""

    code = "browser_died"


class SignerFailed(UpstreamError):
    """The user's own signature service gave no signature."""

    code = "signer_failed"

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message, retryable=True, field="HOSTCUE_DOUYIN_SIGNER_URL", remedy=remedy)


class AnswerError(UpstreamError):
    """The model's text is not a usable list of tips; asking again may help."""

    code = "answer_unusable"

    def __init__(self, message: str) -> None:
        super().__init__(message, retryable=True)


class DeliveryFailed(UpstreamError):
    """A receiver did not take a notification; `code` says why, such as `http_404`."""

    code = "delivery_failed"

    def __init__(
        self, message: str, *, code: str, retryable: bool, remedy: str | None = None
    ) -> None:
        super().__init__(message, retryable=retryable, remedy=remedy)
        self.code = code


class StorageFailed(HostcueError):
    """The database could not be read or written."""

    code = "storage_failed"


class EngineDied(HostcueError):
    """A speech worker ended, or hung and was killed; what it was asked may be asked again."""

    code = "engine_died"


class InternalError(HostcueError):
    """A mistake of our own, which the log tells; whatever it ended goes on where it can."""

    code = "internal_error"


class RecordingError(HostcueError):
    """A recording could not start or go on."""

    code = "recording"


class WorkerDied(RecordingError):
    """A recording worker ended by itself; the message carries its last words."""

    code = "worker_died"


class MediaUnsupported(RecordingError):
    """The stream holds no codec or container we can record."""

    code = "codec_unsupported"


class FolderRefused(RecordingError):
    """The folder for media cannot be made or written."""

    code = "folder_refused"


class DiskFull(RecordingError):
    """No space left for media."""

    code = "disk_full"


def known_cause(exc: BaseException) -> HostcueError | None:
    """Our error in what was raised: itself, or the first one in a task group's exception group."""
    if isinstance(exc, HostcueError):
        return exc
    if isinstance(exc, BaseExceptionGroup):
        return next(filter(None, map(known_cause, exc.exceptions)), None)
    return None
