"""Why something local does not come up. Each kind ends a command with an exit code of its own."""

from __future__ import annotations


class CannotStart(Exception):
    """Something we need does not come up; the message is written for people."""

    exit_code = 5


class PortTaken(CannotStart):
    """Somebody else listens where we must."""

    exit_code = 4


class MissingPrerequisite(CannotStart):
    """A program, a download or a server is missing; the message says how to get it."""

    exit_code = 3
