"""``ltc replay``: facts published again as they were, for a consumer that lost them."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from contracts.catalog import FACTS, producer
from ltc.on_call import FIRST, As, AsJson, NotThere, OnCall, Why, shown, told
from ltc.settings import STAGES


def register(app: typer.Typer) -> None:
    """Add ``ltc replay``."""

    @app.command()
    def replay(
        why: Why,
        event: Annotated[str | None, typer.Argument(help="the id of one fact")] = None,
        journey: Annotated[
            str | None, typer.Option("--journey", help="any number of a journey: all its facts")
        ] = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
        by: As = FIRST,
        as_json: AsJson = False,
    ) -> None:
        """Publish facts again, in order, under their own ids: who has handled them drops them."""
        if (event is None) == (journey is None):
            raise typer.BadParameter("name an event or a --journey")
        with told(), OnCall(by) as one:
            found = one.ask(f"/journeys/{event or journey}")
            facts: list[dict[str, Any]] = []
            for service in _speakers(found, event):
                what = {"event_id": event} if event else {"journey_id": found["journey_id"]}
                said = one.act(service, "replay", reason=why, dry_run=dry_run, **what)
                facts += said["facts"]
        verb = "would be published again" if dry_run else "are published again"
        count = f"{len(facts)} facts" if len(facts) != 1 else "1 fact"
        answer = {"dry_run": dry_run, "facts": facts}
        shown(answer, as_json=as_json, sentence=f"{count} of {found['journey_id']} {verb}")


def _speakers(journey: dict[str, Any], event: str | None) -> list[str]:
    """The services that said the facts, the first stage first. Raises NotThere."""
    steps = [s for s in journey["steps"] if event is None or s["event_id"] == event.lower()]
    if not steps:
        raise NotThere(f"{event} is no fact: name one by its event id, or a --journey")
    said_by = {producer(FACTS[step["type"]]) for step in steps if step["type"] in FACTS}
    return [stage for stage in STAGES if stage in said_by]
