"""From what viewers do to what the servers send: in order and once, or not."""

from __future__ import annotations

import random

from hostcue.platforms.douyin.pb import webcast_pb2 as pb
from hostcue.sim.douyin.broadcast import Broadcast
from hostcue.sim.douyin.push import PushServer


class Delivery:
    """Sends a room's messages, and keeps them for who comes later or polls."""

    def __init__(self, broadcast: Broadcast, push: PushServer, *, seed: int) -> None:
        self.doubles = False
        self._broadcast = broadcast
        self._push = push
        self._rng = random.Random(seed)  # noqa: S311 - a fault, not a secret
        self._to_hold = 0
        self._held: list[pb.Message] = []

    def send(self, message: pb.Message) -> None:
        """Now, or when as many are together as were to be mixed up."""
        if not self._to_hold:
            return self._out(message)
        self._held.append(message)
        if len(self._held) == self._to_hold:
            self.release()
        return None

    def hold(self, n: int) -> None:
        """Send the next `n` in another order than they came, when the last of them is there."""
        self.release()
        self._to_hold = n

    def release(self) -> None:
        """Send what is held, never in the order it came."""
        held, self._held, self._to_hold = self._held, [], 0
        mixed = held[:]
        self._rng.shuffle(mixed)
        for message in held[::-1] if mixed == held else mixed:
            self._out(message)

    def _out(self, message: pb.Message) -> None:
        for _ in range(2 if self.doubles else 1):
            number = self._broadcast.keep(message)
            self._push.publish(self._broadcast, message, number=number)
