"""A link becomes a room and a stream."""
