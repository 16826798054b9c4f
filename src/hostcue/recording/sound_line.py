"""A worker's line to the server's `SoundInlet`."""

from __future__ import annotations

import math
import secrets
import socket
import threading
import time
from collections import deque

from hostcue.model.sound import Sound, SoundPlace
from hostcue.recording.sound_wire import block, greeting

_ON_THE_WAY = 20
_MOMENT_S = 2.0
_LOOK_S = 0.2  # how often a line on which nothing moves looks whether it is to give up
_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 2.0


class LineGone(Exception):
    """The line broke, and is not to be made anew; or it took too long."""


class SoundLine:
    """Brings each block once, in order; blocks its thread while the server doesn't take them.

    A line that breaks is made anew, and what was not taken yet sent again, unless it is `brittle`.
    """

    def __init__(self, place: SoundPlace, *, brittle: bool = False) -> None:
        self._place = place
        self._brittle = brittle
        self._name = secrets.token_hex(8)
        self._number = 0
        self._sent: deque[bytes] = deque()  # and not taken yet, as far as is known
        self._unsent = 0  # so many of them, the last, were not even sent over this line
        self._socket: socket.socket | None = None
        self._retry_s = 0.0
        self._pause_s = _PAUSE_S
        self._until_s = math.inf
        self._hurry = threading.Event()

    def give_up(self, within_s: float) -> None:
        """Whatever is not over by then fails; may be called by any thread."""
        self._until_s = time.monotonic() + within_s
        self._hurry.set()

    def send(self, sound: Sound) -> None:
        """Send a block, once there is room for it on the way.

        Raises:
            LineGone: see there.
        """
        self._await_room(_ON_THE_WAY - 1)
        self._sent.append(block(self._number, sound))
        self._number += 1
        self._unsent += 1
        line = self._line()
        if line is not None and self._unsent:
            self._send(line)

    def drain(self) -> None:
        """Wait until all was taken; raises as `send`."""
        self._await_room(0)

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _await_room(self, most: int) -> None:
        while len(self._sent) > most:
            if time.monotonic() > self._until_s:
                raise LineGone
            line = self._line()
            if line is None:
                self._rest()
            elif self._unsent:
                self._send(line)
            else:
                self._hear(line)

    def _line(self) -> socket.socket | None:
        """The line; made anew if it broke and its time has come."""
        if self._socket is None and time.monotonic() >= self._retry_s:
            try:
                line = socket.create_connection(("127.0.0.1", self._place.port), _MOMENT_S)
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                line.sendall(greeting(self._place.token, self._name))
            except OSError:
                self._break()
            else:
                self._socket, self._unsent = line, len(self._sent)
        return self._socket

    def _send(self, line: socket.socket) -> None:
        try:
            while self._unsent:
                line.sendall(self._sent[-self._unsent])
                self._unsent -= 1
        except OSError:
            self._break()

    def _hear(self, line: socket.socket) -> None:
        """What was taken meanwhile; waits for a moment if there is nothing."""
        line.settimeout(_LOOK_S)
        try:
            taken = line.recv(256)
        except TimeoutError:
            return
        except OSError:
            taken = b""
        finally:
            line.settimeout(_MOMENT_S)
        if not taken:
            self._break()
            return
        self._pause_s = _PAUSE_S
        for _ in taken[: len(self._sent)]:
            self._sent.popleft()

    def _break(self) -> None:
        self.close()
        if self._brittle:
            raise LineGone
        self._retry_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)

    def _rest(self) -> None:
        """Until the next try, or until it is time to give up."""
        wait_s = max(0.0, min(self._retry_s, self._until_s) - time.monotonic())
        if self._hurry.is_set():
            time.sleep(min(wait_s, _LOOK_S))
        else:
            self._hurry.wait(wait_s)
