"""What Bilibili's web pages ask: who we are, a room's state, where its messages are pushed from."""
