"""A room's live chat becomes comments, and a window of them a digest."""
