"""``ltc contracts``: who says what, who needs what of it, and what may be deployed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from contracts.catalog import CATALOG, STAGES, producer
from contracts.compat import examine, verdict
from contracts.deployable import obstacles, standing_in, version_of_tree
from contracts.history import bases
from contracts.needs import Hearer, UnreadableNeeds, expanded, hearers, present, unmet, unsaid
from contracts.schema import PACKAGE
from ltc.deployments import FOLDER, ask, version_in_tree
from ltc.settings import PROJECT, SUBSCRIBERS

EVIDENCE = PROJECT / ".ltc" / "contracts" / "evidence.json"
"""What the services' own tests said; `make contracts` brings it up to date."""


def register(app: typer.Typer) -> None:
    """Add ``ltc contracts``."""

    @app.command()
    def contracts(
        as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False,
    ) -> None:
        """All facts, who says and who needs them, the gate's verdict, and what may be deployed.

        Exit code 1 when anything breaks or a need is not met.
        """
        try:
            told = _overview(hearers())
        except UnreadableNeeds as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(1) from error
        if as_json:
            print(json.dumps(told, indent=2, ensure_ascii=False))
        else:
            _print(told)
        raise typer.Exit(1 if told["breaches"] or told["unmet"] or told["unsaid"] else 0)


def _overview(registered: dict[str, Hearer]) -> dict[str, Any]:
    catalogue, said, against = present(), _said(), bases(PACKAGE)
    breaches = examine(PACKAGE, against)
    needs = {name: expanded(hearer) for name, hearer in registered.items()}
    facts = [
        {
            "type": name,
            "producer": f"{producer(entry.fact)}-svc",
            "fields": len(catalogue[name]),
            "said_in_tests": len(said.get(name, ())),
            "needed_by": {c: list(n[name].reads) for c, n in needs.items() if name in n},
        }
        for name, entry in CATALOG.items()
    ]
    services = (*(f"{stage}-svc" for stage in STAGES), *SUBSCRIBERS)
    places = sorted(file.stem for file in Path(FOLDER).glob("*.json"))
    answers = [ask(FOLDER, [s], place).sentence for place in places for s in services]
    return {
        "facts": facts,
        "consumers": [
            {"name": c, "contact": h.contact, "facts": len(needs[c]), "runs_in": list(h.runs_in)}
            for c, h in registered.items()
        ],
        "verdict": verdict(against, breaches),
        "breaches": [str(breach) for breach in breaches],
        "unmet": [str(m) for h in registered.values() for m in unmet(h, catalogue)],
        "unsaid": [str(m) for h in registered.values() for m in unsaid(h, said)] if said else [],
        "evidence": sum(map(len, said.values())),
        "environments": places,
        "deployable": answers or [_anew(services, registered)],
    }


def _anew(services: Sequence[str], registered: dict[str, Hearer]) -> str:
    """Whether all services of this tree fit each other: what a new environment would begin with."""
    versions = [version_of_tree(service, version_in_tree(service)) for service in services]
    found = obstacles(versions, {}, standing_in("", registered), "a new environment")
    return f"No: {found[0]}." if found else "Yes: all can go to a new environment together."


def _said() -> dict[str, list[Any]]:
    if not EVIDENCE.exists():
        return {}
    found: dict[str, list[Any]] = json.loads(EVIDENCE.read_text(encoding="utf-8"))["said"]
    return found


def _print(told: dict[str, Any]) -> None:
    out = Console(highlight=False)
    table = Table("fact", "said by", "needed by", "fields that they read", title="Facts")
    for fact in told["facts"]:
        first = True
        for consumer, reads in fact["needed_by"].items():
            shown = (fact["type"], fact["producer"]) if first else ("", "")
            table.add_row(*shown, consumer, ", ".join(reads) or "headers alone")
            first = False
    out.print(table)
    table = Table("consumer", "facts", "ask before breaking", "is in", title="Consumers")
    for consumer in told["consumers"]:
        place = ", ".join(consumer["runs_in"]) or "as recorded"
        table.add_row(consumer["name"], str(consumer["facts"]), consumer["contact"], place)
    out.print(table)
    count = told["evidence"]
    by = f"{count} facts that the services' tests really said" if count else "nothing yet: no run"
    for line in (*told["breaches"], *told["unmet"], *told["unsaid"]):
        out.print(line, style="red", soft_wrap=True)
    open_needs = len(told["unmet"]) + len(told["unsaid"])
    out.print(f"Gate: {told['verdict']}.", soft_wrap=True)
    out.print(f"Needs: {open_needs or 'none'} left open; held against {by}.", soft_wrap=True)
    for sentence in told["deployable"]:
        out.print(sentence, soft_wrap=True)
    if not told["environments"]:
        out.print("No environment is recorded yet; `ltc deployed` begins a record.")
