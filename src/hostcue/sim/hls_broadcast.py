"""What a live playlist lists, and when: all of it a function of time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from hostcue.sim.media import Clip
from hostcue.sim.pieces import Kind, cutter
from hostcue.sim.signed_url import UrlSigner

_HEAD_START_S = 30


@dataclass(frozen=True, slots=True)
class _Programme:
    clip: Clip
    from_ms: int


@dataclass(frozen=True, slots=True)
class _Piece:
    programme: _Programme
    from_ms: int
    until_ms: int
    stamp_ms: int
    tagged: bool
    media: int
    """What the piece is called; a repeated one keeps its name."""


class HlsBroadcast:
    """A broadcast in pieces. One is listed the moment its last picture was live.

    Nothing is made before somebody asks.
    """

    def __init__(self, clip: Clip, base: str, kind: Kind, piece_s: float, listed: int) -> None:
        self._base = base
        self._kind: Kind = kind
        self._piece_ms = round(piece_s * 1000)
        self._listed = listed
        self._started_s = time.monotonic() - _HEAD_START_S
        self._epoch_ms = time.time_ns() / 1e6 - _HEAD_START_S * 1000
        self._programme = _Programme(clip, 0)
        self._next: _Programme | None = None
        self._pieces: list[_Piece] = []
        self._made = 0
        self._shift_ms = 0
        self._restarts = self._tagged = self._repeats = False
        self._stalled_s: float | None = None
        self._pauses: list[tuple[int, float]] = []
        self._lost: set[int] = set()
        self._loses = 0
        self._signer = UrlSigner()

    def lived_ms(self, position_ms: float) -> float:
        """The Unix time at which a moment of the broadcast was live."""
        paused_ms = sum(length for at_ms, length in self._pauses if at_ms <= position_ms)
        return self._epoch_ms + position_ms + paused_ms

    def lose_pieces(self, count: int) -> None:
        """List the next pieces, but answer 404 to who asks for them."""
        self._publish()
        self._loses = count

    def stall(self) -> None:
        """Let the playlist stand still; it is served as before."""
        if self._stalled_s is None:
            self._publish()
            self._stalled_s = time.monotonic()

    def resume(self, *, catch_up: bool = True) -> None:
        """Go on: with `catch_up` all missed pieces are listed at once, as far as the list goes.

        Without, the source itself had paused: nothing is missing, and everything comes later.
        """
        if self._stalled_s is None:
            return
        if not catch_up:
            paused_s = time.monotonic() - self._stalled_s
            self._pauses.append((self._made * self._piece_ms, paused_s * 1000))
            self._started_s += paused_s
        self._stalled_s = None

    def shift_timestamps(self, by_ms: int, *, tagged: bool = False) -> None:
        """Let the stamps jump with the next piece; `tagged` says so in the playlist."""
        self._publish()
        self._shift_ms += by_ms
        self._tagged |= tagged

    def reset_timestamps(self, *, tagged: bool = False) -> None:
        """Let the stamps begin at 0 again with the next piece."""
        self._publish()
        self._restarts = True
        self._tagged |= tagged

    def count_anew(self) -> None:
        """Forget what was listed and number the next piece 0, as a restarted server does."""
        self._publish()
        self._pieces.clear()

    def repeat_piece(self) -> None:
        """List the next piece twice."""
        self._publish()
        self._repeats = True

    def switch(self, clip: Clip, *, tagged: bool = True) -> None:
        """Broadcast another clip from the next piece on; `tagged` says so in the playlist."""
        self._publish()
        self._next = _Programme(clip, self._made * self._piece_ms)
        self._tagged |= tagged

    def _publish(self) -> None:
        """List what was finished meanwhile."""
        if self._stalled_s is not None:
            return
        now_ms = (time.monotonic() - self._started_s) * 1000
        while (self._made + 1) * self._piece_ms <= now_ms:
            from_ms = self._made * self._piece_ms
            if self._next is not None:
                self._programme, self._next = self._next, None
            if self._restarts:
                self._shift_ms, self._restarts = -from_ms, False
            if self._loses:
                self._lost.add(self._made)
                self._loses -= 1
            piece = _Piece(
                self._programme,
                from_ms,
                from_ms + self._piece_ms,
                from_ms + self._shift_ms,
                self._tagged,
                self._made,
            )
            self._pieces += [piece, piece] if self._repeats else [piece]
            self._tagged = self._repeats = False
            self._made += 1

    def playlist(self) -> str:
        """What is listed now."""
        self._publish()
        first = max(0, len(self._pieces) - self._listed)
        lines = [
            "#EXTM3U",
            "#EXT-X-VERSION:6",
            f"#EXT-X-TARGETDURATION:{-(-self._piece_ms // 1000)}",
            f"#EXT-X-MEDIA-SEQUENCE:{first}",
            f"#EXT-X-DISCONTINUITY-SEQUENCE:{sum(p.tagged for p in self._pieces[:first])}",
        ]
        programme: _Programme | None = None
        for number, piece in enumerate(self._pieces[first:]):
            if piece.tagged and number:
                lines.append("#EXT-X-DISCONTINUITY")
            if self._kind == "fmp4" and piece.programme is not programme:
                programme = piece.programme
                name = self._signer.sign(f"{self._base}/init{programme.from_ms}.mp4")
                lines.append(f'#EXT-X-MAP:URI="{name.removeprefix(self._base + "/")}"')
            ending = "ts" if self._kind == "ts" else "mp4"
            name = self._signer.sign(f"{self._base}/{piece.media}.{ending}")
            length_s = (piece.until_ms - piece.from_ms) / 1000
            lines += [f"#EXTINF:{length_s:.3f},", name.removeprefix(self._base + "/")]
        return "\n".join((*lines, ""))

    def init(self, from_ms: int) -> bytes:
        """What the fragments of the programme that began then need before them."""
        programme = next(p.programme for p in self._pieces if p.programme.from_ms == from_ms)
        return cutter(programme.clip, self._kind).init

    def media(self, number: int) -> tuple[int, bytes]:
        """The status that answers for a piece, and its bytes."""
        found = [p for p in self._pieces if p.media == number]
        if not found or number in self._lost:
            return 404, b""
        piece, start_ms = found[0], found[0].programme.from_ms
        made = cutter(piece.programme.clip, self._kind).piece(
            piece.from_ms - start_ms, piece.until_ms - start_ms, piece.stamp_ms
        )
        return 200, made
