"""``ltc trace``: where a journey is and why, by any of its numbers."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltc.on_call import AsJson, OnCall, told


def register(app: typer.Typer) -> None:
    """Add ``ltc trace``."""

    @app.command()
    def trace(
        number: Annotated[str, typer.Argument(help="any number, reference or id of a journey")],
        as_json: AsJson = False,
    ) -> None:
        """Where a journey is, why, and how it got there: one sentence, evidence, facts, spans."""
        with told(), OnCall() as one:
            journey = one.ask(f"/journeys/{number}")
            spans = one.ask(f"/journeys/{number}/spans")
        if as_json:
            print(json.dumps({**journey, "spans": spans}, ensure_ascii=False))
        else:
            _print(journey, spans)


def _print(journey: dict[str, Any], spans: list[dict[str, Any]]) -> None:
    out = Console(highlight=False)
    reason = journey["reason"]
    code = f"[reverse] {reason['code']} [/reverse] " if reason else ""
    out.print(f"{code}[bold]{journey['summary']}[/bold]")
    amount = journey["amount"]
    worth = f"{amount['amount']} {amount['currency']}" if amount else ""
    out.print(
        f"{journey['customer'] or 'nobody named'}  {worth}  [dim]{journey['journey_id']}[/dim]"
    )
    for proof in reason["evidence"] if reason else []:
        out.print(f"  - {proof['service'] or ''} {proof['kind']}: {proof['text']}")
    for asked in journey["asked"]:
        if asked["status"] != "ok":
            out.print(f"  - {asked['service']}: {asked['status']} {asked['error'] or ''}")
    table = Table("after", "stage", "fact", "number", "trace")
    for step in journey["steps"]:
        name = step["type"].removeprefix("ltc.").removesuffix(".v1")
        after = f"{step['after_ms'] / 1000:.3f} s"
        trace_id = (step["trace_id"] or "")[:8]
        table.add_row(after, step["stage"], name, step["number"] or "", trace_id)
    out.print(table)
    for act in journey["actions"]:
        done = f"{act['actor_name']} {act['action']} in {act['service']}"
        out.print(f"{act['at']}  {done}: {act['reason'] or 'no reason given'}")
    for row in spans[:80]:
        at, took = row["start_offset_ms"], row["duration_ms"]
        name = "  " * row["depth"] + row["name"]
        out.print(f"{at:9.1f} ms {took:8.2f} ms  {name}  [dim]{row['service']}[/dim]")
