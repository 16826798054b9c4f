"""A stand-in for Qwen that speaks both of DashScope's wires."""

from hostcue.sim.qwen.standin import QwenStandIn
from hostcue.sim.qwen.wires import ModelRequest

__all__ = ["ModelRequest", "QwenStandIn"]
