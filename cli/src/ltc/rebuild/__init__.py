"""``ltc rebuild``: bring a service back to what the others have said.

For a service that has stopped hearing because Kafka lost its offsets or dropped records it had not
read, or because its database was restored from an older copy. What it missed comes from the event
logs that every publisher keeps in its own database, through the service's own consumer path.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING, Annotated

import typer

from local_infra.errors import CannotStart
from ltc.programs import cluster, database_url, package_of
from ltc.progress import Progress
from ltc.settings import CONSOLE, HUB, STAGES, Settings

if TYPE_CHECKING:
    from ltc.rebuild.work import Outcome, Target


def register(app: typer.Typer) -> None:
    """Add ``ltc rebuild``."""

    @app.command()
    def rebuild(
        service: Annotated[str, typer.Argument(help=f"One of {', '.join((*STAGES, CONSOLE))}.")],
        reason: Annotated[str, typer.Option(help="Kept in the audit.")] = "",
        as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    ) -> None:
        """Feed a service what it missed, from its publishers' event logs, and set its offsets.

        A running service stops listening meanwhile and goes on by itself. Repeating it is
        harmless. Exit code 1: something cannot be derived from facts, or waits parked; it is said
        what.
        """
        from aiokafka.errors import KafkaError
        from asyncpg import PostgresError
        from sqlalchemy.exc import SQLAlchemyError

        from ltc.rebuild.work import rebuild as work

        name = service.removesuffix("-svc")
        if name == HUB:
            raise typer.BadParameter(
                "the hub is not fed from event logs: what they hold has no place in a partition any"
                " more, and its states claim such places (docs/status.md)"
            )
        if name not in (*STAGES, CONSOLE):
            known = ", ".join((*STAGES, CONSOLE))
            raise typer.BadParameter(f"{service} is no service; there are: {known}")
        logging.getLogger("aiokafka").setLevel(logging.ERROR)
        progress = Progress()

        def say(text: str) -> None:
            if not as_json:
                progress.say(name, text)

        target = target_of(Settings.from_env(), name)
        try:
            outcome = asyncio.run(work(target, say, reason=reason or "no reason given"))
        except (OSError, KafkaError, PostgresError, SQLAlchemyError, LookupError) as error:
            raise CannotStart(
                f"{name} is not rebuilt: {type(error).__name__}: {error}; what was fed is kept,"
                " run it again"
            ) from error
        if as_json:
            print(json.dumps({**outcome.as_dict(), "complete": outcome.complete}))
        else:
            for line in told(outcome):
                progress.say(name, line)
        if not outcome.complete:
            raise typer.Exit(1)


def target_of(settings: Settings, name: str) -> Target:
    """A service of this installation."""
    from ltc.rebuild.work import Target

    return Target(
        package_of(name),
        database_url(settings, name),
        {stage: database_url(settings, stage) for stage in STAGES},
        cluster(settings),
    )


def told(outcome: Outcome) -> list[str]:
    """The outcome in sentences."""
    lines = [f"{outcome.fed} facts fed, {outcome.offsets_set} offsets set, {outcome.seconds} s"]
    if outcome.own_forgotten:
        lines.append(
            f"of {outcome.own_forgotten} facts of its own that the database had forgotten,"
            f" {outcome.own_said_again} were derived again"
            f" ({outcome.own_said_otherwise} in other words)"
        )
    if outcome.own_not_derived:
        kinds = ", ".join(f"{count} {kind}" for kind, count in outcome.own_not_derived.items())
        lines.append(
            f"NOT derived, because people or timers had caused them: {kinds};"
            f" for example {'; '.join(outcome.examples[:3])}"
        )
        lines.append("their effects are on the topic and in the event log, not in the tables")
    if outcome.parked:
        lines.append(f"{outcome.parked} keys wait parked: see /ops/parked")
    return lines
