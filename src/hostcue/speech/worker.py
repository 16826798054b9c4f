"""A process that listens for the server: an ear, or a recogniser, as its first order says.

What it runs can crash, hang, or end the process: a model that lacks a key of its metadata does.
Orders come by standard input and end with it; answers leave by standard output. Whatever else is
written there, by native code, goes to standard error, whose last lines the server keeps.
"""

from __future__ import annotations

import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from hostcue.model.sound import SAMPLE_HZ
from hostcue.ports import Transcriber
from hostcue.speech import protocol
from hostcue.speech.fun_asr_nano import FunAsrNano
from hostcue.speech.protocol import Answer, Done, Failed, Load, Order
from hostcue.speech.sensevoice import SenseVoice
from hostcue.speech.voice import Ears, VoiceDetector, samples_of

_NICER = 5

Obey = Callable[[Order], Answer]


def ear(load: Load) -> Obey:
    """Ready to hear where somebody speaks."""
    VoiceDetector(load.vad, 0.5)  # one that cannot be loaded is told now
    ears = Ears(load.vad)

    def obey(order: Order) -> Answer:
        match order:
            case protocol.OpenEar():
                ears.open(order.ear, order.rules, order.at)
            case protocol.Look():
                return ears[order.ear].look(order.pcm)
            case protocol.Flush():
                return ears[order.ear].flush()
            case protocol.CloseEar():
                ears.close(order.ear)
            case _:
                return _not_mine(order)
        return Done()

    return obey


def recogniser(load: Load) -> Obey:
    """Ready to recognise; noise was recognised once, so that a missing token shows now.

    It gives way to the server and to recordings: those lose something when they wait, while its
    work is only done later.
    """
    if hasattr(os, "nice"):
        os.nice(_NICER)
    model = transcriber(load)
    noise = np.random.default_rng(0).normal(0, 0.01, SAMPLE_HZ).astype(np.float32)
    model.transcribe(noise, language=load.language)

    def obey(order: Order) -> Answer:
        if isinstance(order, protocol.Recognise):
            return model.transcribe(samples_of(order.pcm), language=order.language)
        return _not_mine(order)

    return obey


def transcriber(load: Load) -> Transcriber:
    """The model of its family."""
    if load.family == "fun-asr-nano":
        return FunAsrNano(load.model, load.tokens)
    return SenseVoice(load.model, load.tokens, language=load.language)


def serve(orders: BinaryIO, answers: BinaryIO) -> None:
    """Until the orders end, or what they ask for cannot be loaded."""
    obey: Obey = _not_mine
    while (received := _receive(orders)) is not None:
        number, order = received
        try:
            if isinstance(order, Load):
                obey = (ear if order.role == "ear" else recogniser)(order)
                answer: Answer = Done()
            else:
                answer = Done() if isinstance(order, protocol.Ping) else obey(order)
        except Exception as exc:  # noqa: BLE001 - what one order met is its answer
            answer = Failed(type(exc).__name__, str(exc)[:500])
        answers.write(protocol.frame(number, answer))
        answers.flush()


def _not_mine(order: Order) -> Answer:
    return Failed("LookupError", f"{type(order).__name__} is not for this worker")


def _receive(orders: BinaryIO) -> tuple[int, Order] | None:
    prefix = orders.read(protocol.PREFIX_BYTES)
    if len(prefix) < protocol.PREFIX_BYTES:
        return None
    head_bytes, body_bytes = protocol.lengths(prefix)
    head, body = orders.read(head_bytes), orders.read(body_bytes)
    if len(head) + len(body) < head_bytes + body_bytes:
        return None  # the server ended in the middle of it
    return protocol.parse_order(head, body)


def main() -> None:
    """Serve; a signal that is meant for the whole service changes nothing."""
    faulthandler.enable()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    answers = os.dup(1)
    os.dup2(2, 1)
    try:
        with os.fdopen(answers, "wb") as pipe:
            serve(sys.stdin.buffer, pipe)
    except BrokenPipeError:
        os._exit(0)  # the server is gone; nobody waits for what is left in the buffers


if __name__ == "__main__":
    main()
