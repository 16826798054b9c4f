"""Generated from `webcast.proto`; shared with the simulator, and nothing else is."""
