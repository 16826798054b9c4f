"""Committed rows become live streams."""
