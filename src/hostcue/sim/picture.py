"""The moving picture of the pretend room, drawn with numpy.

A host who sways, a clock that counts, a product card with a price, and the word DEMO, so that
nobody takes a frame of it for a real broadcast.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

Colour = tuple[int, int, int]

# Price in yuan, colour of the shoe, colour of the wall behind the host.
_PRODUCTS: tuple[tuple[int, Colour, Colour], ...] = (
    (89, (214, 64, 52), (250, 226, 196)),
    (129, (38, 92, 176), (206, 226, 244)),
    (59, (52, 138, 92), (222, 240, 214)),
)
_SHOE = (  # columns of a 20 x 9 grid: first filled row, last filled row
    *((2, 7),) * 4,
    *((1, 7),) * 3,
    *((2, 7),) * 2,
    *((3, 7),) * 3,
    *((4, 7),) * 4,
    *((5, 7),) * 4,
)
_SEGMENTS = (  # of the digits 0 to 9
    *("abcdef", "bc", "abged", "abgcd", "fgbc"),
    *("afgcd", "afgedc", "abc", "abcdefg", "abfgcd"),
)
_LETTERS = {
    "D": ("1110", "1001", "1001", "1001", "1110"),
    "E": ("1111", "1000", "1110", "1000", "1111"),
    "M": ("1001", "1111", "1111", "1001", "1001"),
    "O": ("0110", "1001", "1001", "1001", "0110"),
}
_INK: Colour = (32, 32, 40)
_RED: Colour = (226, 44, 44)
_WHITE: Colour = (255, 255, 255)


class Stage:
    """Draws the picture of any moment of a clip; what does not move is drawn once."""

    def __init__(self, *, seconds: float, width: int, height: int) -> None:
        self._seconds = seconds
        self._unit = max(1, min(width, height) // 60)
        self._backgrounds = [_background(width, height, self._unit, *p) for p in _PRODUCTS]
        self._host, self._is_host = _host(width, height)

    def draw(self, at_s: float) -> Pixels:
        """The picture at `at_s`; rows x columns x RGB."""
        import numpy as np

        turn = int(at_s / self._seconds * len(_PRODUCTS)) % len(_PRODUCTS)
        image = self._backgrounds[turn].copy()
        width = image.shape[1]
        # One sway a second: the picture goes on smoothly where the clip starts again.
        sway = 0.5 + 0.5 * math.sin(2 * math.pi * at_s)
        left = round(sway * (width - self._host.shape[1]))
        place = image[: self._host.shape[0], left : left + self._host.shape[1]]
        np.copyto(place, self._host, where=self._is_host)
        minutes, rest = divmod(int(at_s), 60)
        clock = f"{minutes:02}{rest:02}"
        left = width - self._unit * 32
        _draw_number(image, self._unit, left, self._unit * 2, clock, _INK, colon=2)
        return image


def _background(
    width: int, height: int, unit: int, price: int, shoe: Colour, wall: Colour
) -> Pixels:
    import numpy as np

    image = np.empty((height, width, 3), np.uint8)
    image[:] = wall
    _draw_card(image, unit, price, shoe)
    _draw_word(image, unit, unit * 2, unit * 2, "DEMO")
    return image


def _host(width: int, height: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """Head and shoulders, and which of its pixels are not air; ends where the card begins."""
    import numpy as np

    across, down = int(width * 0.6), height - max(1, min(width, height) // 60) * 31
    x = np.linspace(-1, 1, across)[None, :]
    y = np.linspace(0, 1, down)[:, None]
    head = (x * 0.3 * width) ** 2 + ((y - 0.58) * down) ** 2 < (0.09 * height) ** 2
    body = x**2 + ((y - 1.0) / 0.3) ** 2 < 0.8
    host = np.zeros((down, across, 3), np.uint8)
    host[body] = (120, 80, 132)
    host[head] = (238, 190, 160)
    return host, (head | body)[:, :, None]


def _fill(image: Pixels, left: int, top: int, width: int, height: int, colour: Colour) -> None:
    image[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = colour


def _draw_card(image: Pixels, unit: int, price: int, shoe: Colour) -> None:
    height, width, _ = image.shape
    left, top = unit * 3, height - unit * 30
    _fill(image, left, top, width - unit * 6, unit * 26, _WHITE)
    for column, (first, last) in enumerate(_SHOE):
        x, y = left + unit * (2 + column), top + unit * 5
        _fill(image, x, y + first * unit * 2, unit, (last - first) * unit * 2, shoe)
        _fill(image, x, y + last * unit * 2, unit, unit, _INK)
    _draw_number(image, unit, left + unit * 26, top + unit * 7, str(price), _RED)


def _draw_word(image: Pixels, unit: int, left: int, top: int, word: str) -> None:
    _fill(image, left - unit, top - unit, (len(word) * 5 + 1) * unit, 7 * unit, _RED)
    for at, letter in enumerate(word):
        for row, dots in enumerate(_LETTERS[letter]):
            for column, dot in enumerate(dots):
                if dot == "1":
                    x = left + (at * 5 + column) * unit
                    _fill(image, x, top + row * unit, unit, unit, _WHITE)


def _draw_number(
    image: Pixels, unit: int, left: int, top: int, text: str, colour: Colour, *, colon: int = -1
) -> None:
    """Seven-segment digits, 5 x 11 units each; a colon stands before digit `colon`."""
    for at, digit in enumerate(text):
        if at == colon:
            _fill(image, left, top + 3 * unit, unit, unit, colour)
            _fill(image, left, top + 7 * unit, unit, unit, colour)
            left += 3 * unit
        for segment in _SEGMENTS[int(digit)]:
            x, y, wide, tall = _PLACES[segment]
            _fill(image, left + x * unit, top + y * unit, wide * unit, tall * unit, colour)
        left += 7 * unit


_PLACES = {
    "a": (0, 0, 5, 1),
    "b": (4, 0, 1, 6),
    "c": (4, 5, 1, 6),
    "d": (0, 10, 5, 1),
    "e": (0, 5, 1, 6),
    "f": (0, 0, 1, 6),
    "g": (0, 5, 5, 1),
}
