"""Why a service's process ends by itself: one sentence on stderr, and an exit code by kind.

The codes are those of ``sysexits.h``, so that a supervisor or a person can tell a wrong setting
(do not start again, repair it) from something that is not there yet (start again later).
"""

from __future__ import annotations

import sys
from typing import NoReturn


class MustStop(Exception):
    """The process cannot do its work. The message is for people: what is wrong, and what to do."""

    exit_code = 1


class BadSetting(MustStop):
    """A setting is missing, misspelt, or has a value that cannot be used."""

    exit_code = 78


class NotPermitted(MustStop):
    """PostgreSQL or Kafka knows us and refuses: a wrong password, or rights that are missing."""

    exit_code = 77


class DatabaseUnfit(MustStop):
    """The database's schema and this version of the code do not go together."""

    exit_code = 76


class GaveUp(MustStop):
    """What kept us waiting did not end in time; trying again later is right."""

    exit_code = 75


class TopicMissing(MustStop):
    """Kafka answers, and has not got a topic that we say or hear."""

    exit_code = 72


class DatabaseAway(MustStop):
    """No PostgreSQL answers where the setting says."""

    exit_code = 69


def leave(error: MustStop) -> NoReturn:
    """End the process as documented: the sentence, the code, no stack trace."""
    sys.stderr.write(f"{error}\n")
    raise SystemExit(error.exit_code)
