"""What goes wrong in a pretend room: each fault is a method, and ends when told to."""

from __future__ import annotations

import gzip
import secrets
from typing import Literal

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin import forms
from hostcue.sim.douyin.audience import Audience
from hostcue.sim.douyin.faults import (
    REPLAYED,
    PageMode,
    PollRefusal,
    PushRefusal,
    RiskControl,
    TimeUnit,
)
from hostcue.sim.douyin.messages import frame_of, new_id, push_frame
from hostcue.sim.douyin.viewer import ABNORMAL

Damage = Literal["frame", "gzip", "truncated", "response", "body"]
_PAUSED, _RESUMED, _ENDED = 1, 2, 3
_MIB = 1 << 20


class Trouble(Audience):
    """A room whose lines break, whose server refuses, and whose messages are odd."""

    # The broadcast

    def go_offline(self) -> None:
        """Nobody is live any more; no end message is sent."""
        self._broadcast.is_live = False

    def flap(self, answers: int) -> None:
        """Let the next pages and calls, so many, say that nobody is live though somebody is."""
        self._broadcast.faults.flaps = answers

    def go_live(self, room_id: str | None = None) -> None:
        """Another broadcast begins, with another `room_id`."""
        self._broadcast.start_over(room_id or str(new_id()))

    def pause(self) -> None:
        """The host is away for a moment, and says so."""
        self._push.publish(self._broadcast, self._broadcast.writer.control(_PAUSED))

    def unpause(self) -> None:
        """The host is back."""
        self._push.publish(self._broadcast, self._broadcast.writer.control(_RESUMED))

    def end(self) -> None:
        """The host ends the broadcast: the end message, and offline."""
        self._push.publish(self._broadcast, self._broadcast.writer.control(_ENDED))
        self._broadcast.has_ended = True
        self.go_offline()

    # The lines

    def drop_line(self, code: int = ABNORMAL) -> None:
        """Close every comment connection with this code; 1006 cuts it without a word."""
        self._push.drop(self._broadcast, code)

    def close_after(self, s: float | None, to_s: float | None = None) -> None:
        """Cut each connection that begins from now on after so long, or any time up to `to_s`."""
        span_s = None if s is None else (s, s if to_s is None else to_s)
        self._broadcast.faults.life_s = span_s

    def stall(self, on: bool = True) -> None:
        """Send no messages to anyone, while heartbeats are answered as ever.

        What was said meanwhile is lost to who is connected; the replay has it for who comes later.
        """
        self._broadcast.faults.is_stalled = on

    def freeze(self) -> None:
        """Send no messages any more over the connections there are; those to come are well.

        Heartbeats are answered as ever: it is what the platform does to a connection grown old.
        """
        for viewer in self._push.of(self._broadcast):
            viewer.is_frozen = True

    def stall_polling(self, on: bool = True) -> None:
        """Answer who polls with no messages, and leave the cursor where it is."""
        self._broadcast.faults.is_poll_stalled = on

    def silence(self, on: bool = True) -> None:
        """Take connections and send nothing at all, not even answers to heartbeats."""
        self._broadcast.faults.is_silent = on

    def history(self, n: int = REPLAYED) -> None:
        """How many old messages a newcomer gets, beside those after its cursor."""
        self._broadcast.faults.replayed = n

    def forget(self) -> None:
        """What nobody has seen so far is never seen: no replay has it, and no cursor."""
        self._broadcast.forget()

    # Refusals

    def block_signature(self, on: bool = True) -> None:
        """Refuse every handshake as a blocked device: HTTP 200 and two headers."""
        self.refuse_push("blocked" if on else None)

    def refuse_push(self, how: PushRefusal | None) -> None:
        """Refuse every handshake in this way; None ends it."""
        self._broadcast.faults.push_refusal = how

    def block_identities(self, on: bool = True) -> None:
        """Refuse whoever has been let in so far as a blocked device; others are welcome."""
        seen = self._broadcast.seen.identities
        self._broadcast.faults.blocked_identities = set(seen) if on else set()

    def refuse_polling(self, how: PollRefusal | None) -> None:
        """Refuse every poll in this way, and nothing else; None ends it."""
        self._broadcast.faults.poll_refusal = how

    def invite_polls(self, every_s: float = 1.0) -> None:
        """Tell who polls to ask again after so long."""
        self._broadcast.faults.poll_again_ms = round(every_s * 1000)

    def demand_poll_gap(self, s: float) -> None:
        """Answer with nothing who polls again sooner than this."""
        self._broadcast.faults.poll_gap_s = s

    def risk_control(self, mode: RiskControl | None) -> None:
        """Refuse every page and call: an empty body, a status or a captcha; None ends it."""
        self._broadcast.faults.risk_control = mode

    def show_page(self, mode: PageMode) -> None:
        """What the room's page does from now on in a browser that opens it."""
        self._broadcast.faults.page = mode

    def hide_gifts(self, on: bool = True) -> None:
        """Show gifts to nobody without a login, as the platform does since 2026."""
        self._broadcast.faults.hides_gifts = on

    # The messages

    def mask_viewers(self, on: bool = True) -> None:
        """Everybody has the number 111111 and a name like 薛***."""
        self._broadcast.faults.is_masked = on

    def create_time(self, unit: TimeUnit) -> None:
        """The unit in which messages tell when they were sent; `none`: they don't."""
        self._broadcast.faults.time_unit = unit

    def skew_clock(self, ms: int) -> None:
        """The platform's clock is so much ahead, in answers and messages alike."""
        self._broadcast.faults.skew_ms = ms

    def compress(self, on: bool = True) -> None:
        """Whether payloads are gzipped; the frame's header says so either way."""
        self._broadcast.faults.is_compressed = on

    def resend_last(self) -> None:
        """Send the last comment again, with the same id."""
        if self._last is not None:
            self._push.publish(self._broadcast, self._last)

    def duplicate(self, on: bool = True) -> None:
        """Send everything twice, with the same ids."""
        self._delivery.doubles = on

    def reorder(self, n: int) -> None:
        """Send the next `n` messages in another order, when the last is there; 0 ends it."""
        self._delivery.hold(n)

    def send_unknown(self, method: str = "WebcastNextReleaseMessage") -> None:
        """Send a message whose method nobody has heard of."""
        self._publish(forms.unknown(self._broadcast.writer, method))

    def send_raw(self, frame: bytes) -> None:
        """Send these bytes as a frame of their own to everyone."""
        self._push.publish(self._broadcast, frame)

    def corrupt(self, how: Damage = "truncated") -> None:
        """Send a frame that can't be read: none at all, bad or half gzip, no response in it.

        With `body` the frame is fine, and one of its two messages is not.
        """
        writer = self._broadcast.writer
        if how == "body":
            return self._publish(forms.broken(writer, "WebcastChatMessage"))
        packed = gzip.compress(self._response([]).SerializeToString(), 1)
        frames = {
            "frame": b"\xff\xff",
            "gzip": frame_of(secrets.token_bytes(64), log_id=new_id(), compress_type="gzip"),
            "truncated": frame_of(packed[:-12], log_id=new_id(), compress_type="gzip"),
            "response": frame_of(
                gzip.compress(b"\xff" * 64, 1), log_id=new_id(), compress_type="gzip"
            ),
        }
        return self.send_raw(frames[how])

    def bomb(self, mib: int = 40) -> None:
        """Send a frame of a few KB that inflates to so much, and would be read as a response."""
        padding = pb.Message(method="WebcastChatMessage", payload=b"\0" * (mib * _MIB))
        self.send_raw(push_frame(self._response([padding]), log_id=new_id(), compress=True))

    def _response(self, messages: list[pb.Message]) -> pb.Response:
        return self._broadcast.respond(messages, user_unique_id="", need_ack=False)
