"""The vocabulary: frozen dataclasses and pure rules, no I/O."""
