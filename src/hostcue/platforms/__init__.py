"""What a platform's resolver and its comment source share."""
