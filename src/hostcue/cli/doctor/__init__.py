"""`hostcue doctor`: what is missing on this machine, and how to mend it."""

from hostcue.cli.doctor.command import run_doctor

__all__ = ["run_doctor"]
