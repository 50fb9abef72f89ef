"""Somebody on call: rebuilds who says that it must be, gives up records that are no facts.

At work while people still wait for their journeys, as in life: a journey through human gates that
needs a rebuilt service would otherwise wait for the repair, and the repair for the journey.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from local_infra.errors import CannotStart
from ltc.people import Refusal
from testkit.installation.controlled import NAMES
from testkit.installation.faulty import FaultyInstallation
from tests.guarantees import losses, records

LOOK_EVERY_S = 1.0
IN_VAIN = 3
"""How often a rebuild may end in a sentence, as while its surroundings come back, and be repeated;
it says itself that it may be."""


@contextmanager
def on_call(world: FaultyInstallation) -> Iterator[list[str]]:
    """Meanwhile they look and act; what they did. Raises at the end what they could not do."""
    done: list[str] = []
    over = threading.Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not over.wait(LOOK_EVERY_S):
                _rebuild_who_asks(world, done)
                try:
                    done.extend(records.give_up_poison(world))
                except (OSError, asyncpg.PostgresError, Refusal):
                    continue  # it is not there yet: looked at again
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work, name="on call")
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()
        if failures:
            raise failures[0]


def _rebuild_who_asks(world: FaultyInstallation, done: list[str]) -> None:
    for name in NAMES:
        if "`ltc rebuild" not in losses.readiness(world, name):
            continue
        outcome = losses.ltc(world, "rebuild", name, expect=(0, 1, CannotStart.exit_code))
        if outcome:
            done.append(f"rebuilt {name}")
        else:
            done.append(f"rebuilding {name} in vain")
            assert done.count(done[-1]) < IN_VAIN, done
