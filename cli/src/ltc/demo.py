"""``ltc demo``: real leads through all six services, people at their gates, and the money."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer
from rich.console import Console
from rich.table import Table

from contracts.consents import STANDARD_HASH
from ltc.imports import import_file, write_json
from ltc.installation import Installation, running
from ltc.people import Person, wait_for
from ltc.settings import Settings
from ltc.verify import CannotCheck, Sources, verify
from ltc.walk import Walked, sellers, walk

if TYPE_CHECKING:
    from ltc.verify.report import Report as Checked

Say = Callable[[str], None]
DEMO = Path(__file__).resolve().parents[3] / "deploy" / "local" / "demo"
EXPRESS = 200
WALKED = 3
QUIET_WITHIN_S = 60.0
"""For the last answers to arrive everywhere, before the checker is asked."""


def run_demo(settings: Settings, say: Say, out: Console, evidence: Sources | None = None) -> bool:
    """The whole story on a running installation; returns whether every figure agrees, also with
    the databases: this installation's, unless the evidence is elsewhere."""
    cast = {
        "web": Person(settings, "web", "Website", "integration_web"),
        "finance": Person(settings, "fin-1", "周会计", "finance"),
        "ops": Person(settings, "ops-1", "On call", "ops", "auditor"),
    }
    importer = Person(settings, "import", "Import", "integration_import")
    report = import_file(DEMO / "leads.csv", DEMO / "leads.map.yaml", kind="leads", door=importer)
    say(
        f"{report.rows} leads offered: {report.accepted} accepted, {report.duplicates} duplicates,"
        f" {report.refused} refused"
    )
    run = uuid4().hex[:8]
    orders = [_web_order(run, n) for n in range(EXPRESS)]
    answer = cast["web"].post("lead", "/leads/batch", {"leads": orders})
    say(f"{answer['accepted']} web orders sent straight through")
    with sellers(settings) as people:
        walked = [_walk(people, settings, say, n) for n in range(WALKED)]
    journeys = [r["journey_id"] for r in answer["results"] if r["journey_id"]]
    _await_settled(cast["ops"], len(journeys) + len(walked), say)
    checked = verify(evidence or settings, wait_s=QUIET_WITHIN_S, say=say)
    figures = _figures(cast, report.model_dump(), checked)
    _print(out, cast, report.model_dump(), figures, walked[0])
    if not checked.good:
        checked.show(out)
    write_json(settings.home / "demo.json", figures)
    counted = report.accepted + report.duplicates + report.refused
    return checked.good and report.rows == counted


def _web_order(run: str, n: int) -> dict[str, Any]:
    at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
    sku, amount = (("SVC-ONBOARD", "1060.00"), ("LIC-TEAM", "2712.00"))[n % 2]
    return {
        "contact": {"name": f"网店客户 {n}", "email": f"shop{n}@example.cn"},
        "company": {"name": f"网店 {n} 有限公司"},
        "origin": {"channel": "website", "source_system": "shop", "external_id": f"{run}-{n}"},
        "order": {
            "lines": [{"sku": sku, "quantity": 1}],
            "currency": "CNY",
            "consent": {
                "given_by": f"网店客户 {n}",
                "given_at": at,
                "text_hash": STANDARD_HASH,
                "covers": ["price", "terms", "signature"],
            },
            "prepayment": {
                "provider": "alipay",
                "reference": f"ALI-{run}-{n}",
                "amount": {"amount": amount, "currency": "CNY"},
                "captured_at": at,
            },
        },
    }


def _walk(cast: dict[str, Person], settings: Settings, say: Say, n: int) -> Walked:
    lead = cast["rep"].get("lead", "/leads", status="new", limit=50)["items"][n]
    walked = walk(cast, settings, lead, n)
    say(f"{walked.number} walked through its gates to cash")
    return walked


def _await_settled(ops: Person, wanted: int, say: Say) -> None:
    """Until the console has seen that many journeys settle."""

    def enough() -> bool:
        return bool(ops.get("console", "/overview")["settled"] >= wanted)

    started = time.monotonic()
    wait_for(enough, what=f"{wanted} settled journeys", within_s=60)
    say(f"{wanted} journeys settled, {time.monotonic() - started:.1f} s after the last step")


def _figures(cast: dict[str, Person], report: dict[str, Any], checked: Checked) -> dict[str, Any]:
    money = cast["finance"].get("billing", "/totals")
    overview = cast["ops"].get("console", "/overview")
    [cny] = [m for m in money if m["currency"] == "CNY"]
    return {
        "rows": report["rows"],
        "accepted": report["accepted"],
        "duplicates": report["duplicates"],
        "refused": report["refused"],
        "journeys_settled": overview["settled"],
        "journeys_waiting": overview["journeys"] - overview["settled"],
        "contracted": cny["contracted"]["amount"],
        "invoiced": cny["invoiced"]["amount"],
        "paid": cny["paid"]["amount"],
        "ledger_balance": cny["ledger_balance"]["amount"],
        "invariants_violated": checked.violations,
    }


def _print(
    out: Console,
    cast: dict[str, Person],
    report: dict[str, Any],
    figures: dict[str, Any],
    walked: Walked,
) -> None:
    """The figures, one journey's timeline, and where to look next."""
    journey = cast["ops"].get("console", f"/journeys/{walked.number}")
    table = Table("after", "stage", "fact", "number", title=f"Journey of {walked.number}")
    for step in journey["steps"]:
        name = step["type"].removeprefix("ltc.").removesuffix(".v1")
        table.add_row(f"{step['after_ms'] / 1000:.2f} s", step["stage"], name, step["number"] or "")
    out.print(table)
    out.print(journey["summary"])
    reasons = Counter(error["column"] or "the row" for error in report["errors"])
    out.print(
        f"\nLeads in {report['rows']}: accepted {report['accepted']},"
        f" duplicates {report['duplicates']}, refused {report['refused']} ({dict(reasons)})"
    )
    out.print(
        f"Journeys settled {figures['journeys_settled']}, waiting at a gate"
        f" {figures['journeys_waiting']}"
    )
    out.print(
        f"Money (CNY): contracted {figures['contracted']} = invoiced {figures['invoiced']}"
        f" = paid {figures['paid']}; ledger balance {figures['ledger_balance']}"
    )
    out.print(f"Invariants violated: {figures['invariants_violated']}")
    out.print(
        "\nNext: `ltc up`, then `ltc trace NUMBER`, or /docs of any service;"
        " figures in .ltc/demo.json"
    )


def register(app: typer.Typer) -> None:
    """Add ``ltc demo``."""

    @app.command()
    def demo(
        on_running: Annotated[
            bool, typer.Option("--running", help="use what `ltc up` or containers have started")
        ] = False,
        dsn: Annotated[
            str | None, typer.Option(help="of what runs, as `ltc verify` takes it")
        ] = None,
    ) -> None:
        """Start everything, send leads through to cash, print the money, and stop."""
        settings = Settings.from_env()
        if dsn is not None and not on_running:
            raise typer.BadParameter("--dsn is of an installation that runs: add --running")
        began = time.monotonic()

        def say(what: str) -> None:
            print(f"{time.monotonic() - began:6.1f} s  {what}", flush=True)

        async def play() -> bool:
            async with running(Installation(settings)):
                return await asyncio.to_thread(run_demo, settings, say, Console(highlight=False))

        try:
            if on_running:
                evidence = Sources.of(settings, dsn=dsn)
                good = run_demo(settings, say, Console(highlight=False), evidence)
            else:
                good = asyncio.run(play())
        except CannotCheck as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(error.exit_code) from error
        raise typer.Exit(0 if good else 1)
