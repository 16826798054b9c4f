"""What runs under the interpreter of another program, to drive it: nothing of hostcue here."""
