"""An FLV stream as files that libav can read.

PyAV leaves out whatever a container brings that was not there when it was opened: the picture
in another codec, or sound that sets in later. So the tags are followed here, and where the
stream changes its form one file ends and another begins.
"""

from __future__ import annotations

from hostcue.recording.http_body import HttpBody

_AUDIO, _VIDEO, _SCRIPT = 8, 9, 18
_TAG_HEAD, _TAG_END = 11, 4
_FORM_BYTES = 5  # the first of a tag's body: they tell its form
_HEAD_BYTES = _TAG_HEAD + _FORM_BYTES
_FILE_HEAD = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
_LONGEST_HEADER = 65536
_AAC, _ENHANCED_AUDIO, _COMMAND = 10, 9, 5
# packets of Enhanced RTMP that hold the one track's own media: all name its codec there
_VIDEO_MEDIA, _AUDIO_MEDIA = {0, 1, 3}, {0, 1}
_VIDEO_METADATA = 4


class FlvStream:
    """What libav reads; one file after the other, each of one form.

    Another form is believed by its header, or when two of its tags come in a row; a lone one is
    left out. What is no FLV is passed on as it is.
    """

    def __init__(self, body: HttpBody) -> None:
        self.name = body.name
        self._body = body
        self._unread = self._ready = b""
        self._rest_of_tag = len(_FILE_HEAD)
        self._skips = False
        self._forms: dict[int, bytes] = {}
        self._headers: dict[int, bytes] = {}
        self._strange: dict[int, bytes] = {}
        self._sealed = self._changed = self._over = self._anew = False
        self._is_flv: bool | None = None
        self.broken: Exception | None = None
        """Why the connection ended, if not by the server's own wish."""

    def read(self, size: int) -> bytes:
        """The next bytes of this file; empty at its end."""
        while not (self._ready or self._changed or self._over):
            data = b"" if self._anew else self._receive(size)
            self._over = not (data or self._anew)
            self._anew = False
            data, self._unread = self._unread + data, b""
            if self._is_flv is None and len(data) >= len(_FILE_HEAD):
                self._is_flv = data.startswith(b"FLV")
            follows = self._is_flv is not False and not self._over
            self._ready = self._follow(data) if follows else data
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _receive(self, size: int) -> bytes:
        if self.broken is not None:  # libav asks again; a second answer would hide the cause
            raise self.broken
        try:
            return self._body.read(size)
        except Exception as exc:
            self.broken = exc  # libav may keep it to itself
            raise

    def seal(self) -> None:
        """The file was opened: what sets in from now on belongs to another."""
        self._sealed = True

    def next_file(self) -> bool:
        """Whether there is another file, which `read` reads from now on."""
        if not self._changed:
            return False
        self._unread = b"".join((_FILE_HEAD, *self._headers.values(), self._unread))
        self._rest_of_tag = len(_FILE_HEAD)
        self._forms.clear()
        self._strange.clear()
        self._sealed = self._changed = self._skips = False
        self._anew = True
        return True

    def close(self) -> None:
        """Close the connection."""
        self._body.close()

    def _follow(self, data: bytes) -> bytes:
        """What of it belongs to this file; the rest is kept."""
        passed: list[bytes] = []
        at = 0
        while at < len(data):
            if self._rest_of_tag:
                end = min(at + self._rest_of_tag, len(data))
                self._rest_of_tag -= end - at
                if not self._skips:
                    passed.append(data[at:end])
                at = end
            elif not self._begin(data, at):
                self._unread = data[at:]
                break
        return b"".join(passed)

    def _begin(self, data: bytes, at: int) -> bool:
        """A tag begins there; False if more of it has to come, or it is of another file."""
        if len(data) - at < _HEAD_BYTES:
            return False
        kind, size = data[at] & 31, int.from_bytes(data[at + 1 : at + 4])
        length = _TAG_HEAD + size + _TAG_END
        body = data[at + _TAG_HEAD : at + _TAG_HEAD + min(size, _FORM_BYTES)]
        header = b""
        if _is_header(kind, body) and length < _LONGEST_HEADER:
            if len(data) - at < length:
                return False
            header = data[at : at + length]
        form = _form(kind, body)
        strange = bool(form) and self._differs(kind, form)
        if strange and (header or self._strange.get(kind) == form):
            self._changed = True
            self._headers.pop(kind, None)
            return False
        if strange:
            self._strange[kind] = form
        if header:
            self._headers[kind] = header
        self._skips = strange or self._misleads(kind, body)
        self._rest_of_tag = length
        return True

    def _misleads(self, kind: int, body: bytes) -> bool:
        """Whether libav takes it for something else.

        That is a second script, for a stream of its own, and what is said of the picture's
        colours, for a picture.
        """
        if kind == _VIDEO and body:
            high, low = body[0] >> 4, body[0] & 15
            return bool(high & 8) and low == _VIDEO_METADATA
        return kind == _SCRIPT and self._sealed

    def _differs(self, kind: int, form: bytes) -> bool:
        known = self._forms.setdefault(kind, b"" if self._sealed else form)
        if known == form:
            self._strange.pop(kind, None)
        return known != form


def _form(kind: int, body: bytes) -> bytes:
    """How a tag's content is coded; empty where it does not say."""
    if not body:
        return b""
    high, low = body[0] >> 4, body[0] & 15
    if kind == _VIDEO and high & 7 != _COMMAND:
        if not high & 8:
            return bytes((low,))
        return body[1:5] if low in _VIDEO_MEDIA else b""
    if kind == _AUDIO:
        if high != _ENHANCED_AUDIO:
            return bytes((high,))
        return body[1:5] if low in _AUDIO_MEDIA else b""
    return b""


def _is_header(kind: int, body: bytes) -> bool:
    """Whether a decoder needs it before anything else."""
    if len(body) < 2:
        return False
    high, low = body[0] >> 4, body[0] & 15
    if kind == _VIDEO:
        return low == 0 if high & 8 else body[1] == 0 and low in {7, 12}
    if kind == _AUDIO:
        return low == 0 if high == _ENHANCED_AUDIO else high == _AAC and body[1] == 0
    return False
