"""Bilibili's live chat over its web push protocol."""
