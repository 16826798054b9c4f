"""Durable work, once per segment; the only folder that knows the engine."""
