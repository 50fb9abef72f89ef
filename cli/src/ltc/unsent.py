"""``ltc unsent``: events that Kafka refuses for good, and what to do about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltc.documents import from_file
from ltc.on_call import FIRST, As, AsJson, NotThere, OnCall, Why, shown, told

unsent = typer.Typer(
    no_args_is_help=True,
    help="Events that Kafka refuses: list, show, retry, skip, and edit with a second person.",
)

EventId = Annotated[str, typer.Argument(help="the event, as `ltc unsent ls` shows it")]


def register(app: typer.Typer) -> None:
    """Add ``ltc unsent``."""
    app.add_typer(unsent, name="unsent")


@unsent.command("ls")
def list_unsent(as_json: AsJson = False) -> None:
    """Every event that blocks its key, the longest refused first."""
    with told(), OnCall() as one:
        found = one.ask("/unsent", limit=200)
    if as_json:
        print(json.dumps(found["items"], ensure_ascii=False))
        return
    table = Table("service", "event", "fact", "key", "bytes", "behind", "since", "why")
    for fact in found["items"]:
        counts = (str(fact["bytes"]), str(fact["behind"]), fact["died_at"][:19])
        cells = (fact["service"], fact["event_id"], fact["type"], fact["key"])
        table.add_row(*cells, *counts, fact["error"][:120])
    Console(highlight=False).print(table if found["items"] else "nothing is refused")


@unsent.command("show")
def show(event: EventId, as_json: AsJson = False) -> None:
    """One such event with its payload."""
    with told(), OnCall() as one:
        service = _find(one, event)["service"]
        fact = one.ask_service(service, "unsent", event)
    shown(fact, as_json=as_json, sentence=f"{fact['type']} {fact['error']}\n{fact['payload']}")


@unsent.command("retry")
def retry(event: EventId, why: Why, by: As = FIRST, as_json: AsJson = False) -> None:
    """Send it again as it is, as after a change of the topic."""
    _act("retry", event, why, by, as_json=as_json)


@unsent.command("skip")
def skip(event: EventId, why: Why, by: As = FIRST, as_json: AsJson = False) -> None:
    """Never send it; what waits behind it is sent."""
    _act("skip", event, why, by, as_json=as_json)


@unsent.command("edit")
def edit(
    event: EventId,
    why: Why,
    file: Annotated[
        Path, typer.Option("--file", exists=True, dir_okay=False, help="the whole payload")
    ],
    as_json: AsJson = False,
) -> None:
    """Propose another payload. A second person approves it: `ltc dlq approve`."""
    with told(), OnCall() as one:
        service = _find(one, event)["service"]
        said = {"payload": from_file(file), "reason": why}
        proposal = one.act(service, "unsent", event, "edit", **said)
    sentence = f"edit {proposal['id']} of {service} waits for a second person"
    shown(proposal, as_json=as_json, sentence=sentence)


def _act(action: str, event: str, why: str, by: str, *, as_json: bool) -> None:
    with told(), OnCall(by) as one:
        answer = one.act(_find(one, event)["service"], "unsent", event, action, reason=why)
    shown(answer, as_json=as_json, sentence=f"{event} is {answer['status']}")


def _find(one: OnCall, event: str) -> dict[str, Any]:
    """The refused event of this id. Raises NotThere."""
    found: list[dict[str, Any]] = one.ask("/unsent", limit=200)["items"]
    for fact in found:
        if fact["event_id"] == event:
            return fact
    raise NotThere(f"Kafka refuses no event {event}: `ltc unsent ls` shows what it does")
