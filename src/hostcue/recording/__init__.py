"""A stream becomes segments."""
