"""``ltc stuck``: what stands still, the worst first."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from ltc.on_call import AsJson, OnCall, told


def register(app: typer.Typer) -> None:
    """Add ``ltc stuck``."""

    @app.command()
    def stuck(
        over_sla: Annotated[bool, typer.Option("--over-sla", help="only what is overdue")] = False,
        stage: Annotated[str | None, typer.Option(help="lead, deal, … billing")] = None,
        reason: Annotated[str | None, typer.Option(help="a code, as WAITING_HUMAN")] = None,
        owner: Annotated[str | None, typer.Option(help="who must act, as role:finance")] = None,
        limit: Annotated[int, typer.Option(min=1, max=200)] = 50,
        as_json: AsJson = False,
    ) -> None:
        """What stands still and why: with given-up messages first, then by how late it is."""
        narrowed = {"stage": stage, "reason": reason, "owner": owner}
        with told(), OnCall() as one:
            page = one.ask("/stuck", over_sla=over_sla, limit=limit, **narrowed)
        if as_json:
            print(json.dumps(page, ensure_ascii=False))
        else:
            _print(page)


def _print(page: dict[str, Any]) -> None:
    out = Console(highlight=False)
    if not page["items"]:
        out.print("Nothing stands still.")
    table = Table("reason", "number", "customer", "late", "why")
    for item in page["items"]:
        number = item["numbers"].get(item["stage"]) or next(iter(item["numbers"].values()), "")
        late = f"{item['overdue_s'] / 3600:.1f} h" if item["overdue_s"] else ""
        table.add_row(item["reason"], number, item["customer"] or "", late, item["sentence"])
    if page["items"]:
        out.print(table)
    more = page["at_least"]
    counts = ", ".join(
        f"{name} {n}{'+' if name in more else ''}"
        for name, n in page["counts"].items()
        if n or name in more
    )
    out.print(counts or "nothing counted")
    for asked in page["asked"]:
        if asked["status"] != "ok":
            out.print(f"{asked['service']}: {asked['status']} {asked['error'] or ''}")
