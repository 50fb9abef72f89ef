"""The two things a service's program does: ``<service> migrate``, then ``<service> serve``."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from chassis import migrate, serve
from chassis.exits import MustStop, leave


def run(package: str, arguments: Sequence[str] | None = None) -> None:
    """The command line of the service in a package. Ends the process when it cannot go on."""
    parser = argparse.ArgumentParser(prog=package.replace("_", "-"), description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verbs.add_parser("serve", help="serve until told to stop")
    step = verbs.add_parser("migrate", help="bring the database and the consumer group up to date")
    migrate.add_options(step)
    given = parser.parse_args(arguments)
    try:
        if given.verb == "serve":
            serve.serve(package)
        else:
            migrate.step(package, subscribe=not given.no_subscribe)
    except MustStop as error:
        leave(error)
