"""What an hour of one room costs in disk, CPU and money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

MBIT_PER_S = 2.5
"""A usual 720p room; the original quality of a 1080p one can have 4 to 8."""

PRICES_OF = "2026-11-23"

_WINDOWS = 12  # segments of five minutes
_CPU_PERCENT = 1.0  # of one core, recording and frames: measured, docs/benchmarks.md
# Of one window: 24 frames of 854x480 sent as a list, text, answer (reference/qwen.md 2.2)
_FRAME_TOKENS, _TEXT_TOKENS, _ANSWER_TOKENS = 4_862, 2_000, 500

Currency = Literal["CNY", "USD"]
_CHINA = "dashscope.aliyuncs.com"

# Per million tokens in and out, list prices as of PRICES_OF (reference/qwen.md 2.1)
_IN_CHINA = {
    "qwen3-vl-plus": (1.0, 10.0),
    "qwen3-vl-flash": (0.15, 1.5),
    "qwen-vl-max": (1.6, 4.0),
    "qwen-vl-plus": (0.8, 2.0),
}
_ABROAD = {
    "qwen3-vl-plus": (0.20, 1.60),
    "qwen3.8-flash": (0.15, 0.47),
    "qwen3.8-omni-flash": (0.15, 0.47),
    "qwen3.8-max": (2.0, 6.0),
    "qwen3.7-plus": (0.40, 1.60),
    "qwen3.5-plus": (0.40, 2.40),
}


@dataclass(frozen=True, slots=True)
class Money:
    """The model's part of an hour, at list prices."""

    amount: float
    currency: Currency


@dataclass(frozen=True, slots=True)
class HourCosts:
    """`money` is None where we know no price: another model, another provider."""

    disk_gb: float
    cpu_percent: float
    model: str
    money: Money | None


def hour_costs(model: str, base_url: str) -> HourCosts:
    """An hour of one room at `MBIT_PER_S`, each five minutes analysed by `model`."""
    return HourCosts(gb_per_hour(MBIT_PER_S * 1e6), _CPU_PERCENT, model, _money(model, base_url))


def gb_per_hour(bits_per_s: float) -> float:
    """Disk that a stream takes, in GB of 10^9 bytes."""
    return bits_per_s / 8 * 3600 / 1e9


def _money(model: str, base_url: str) -> Money | None:
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return None
    if not host.endswith(".aliyuncs.com"):
        return None
    in_china = host == _CHINA or ".cn-beijing." in host
    prices = (_IN_CHINA if in_china else _ABROAD).get(model)
    if prices is None:
        return None
    tokens_in = _FRAME_TOKENS + _TEXT_TOKENS
    amount = _WINDOWS * (tokens_in * prices[0] + _ANSWER_TOKENS * prices[1]) / 1e6
    return Money(round(amount, 3), "CNY" if in_china else "USD")
