"""The command line of the checker. Exit codes: 0 all holds, 1 violations, 2 cannot check."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from local_infra.processes import run_sync
from ltc.settings import Settings
from ltc.verify import CannotCheck, Sources, verify
from ltc.verify.rules import GROUPS, page, rules


def register(app: typer.Typer) -> None:
    """Add ``ltc verify``."""

    @app.command("verify")
    def verify_(
        only: Annotated[str, typer.Option(help="these rules: D2,M1")] = "",
        history: Annotated[Path | None, typer.Option(help="what callers were told, NDJSON")] = None,
        statement: Annotated[
            Path | None, typer.Option(help="the bank's own record, CSV or NDJSON")
        ] = None,
        settled: Annotated[bool, typer.Option("--settled", help="not quiet = violation")] = False,
        wait: Annotated[float, typer.Option(help="seconds to wait for quiet; --settled")] = 0.0,
        dsn: Annotated[
            str | None, typer.Option(help="databases elsewhere: postgresql://…/{name}")
        ] = None,
        kafka: Annotated[str | None, typer.Option(help="brokers elsewhere: host:port")] = None,
        list_: Annotated[bool, typer.Option("--list", help="what is checked")] = False,
        markdown: Annotated[bool, typer.Option("--markdown", help="the list as a page")] = False,
        hash_: Annotated[bool, typer.Option("--hash", help="content of each database")] = False,
        as_json: Annotated[bool, typer.Option("--json", help="for machines")] = False,
    ) -> None:
        """Check that databases, topics and outside records agree. Reads only; 1 when they do not.

        Rules that need a quiet platform are judged when it is quiet; --settled or --wait demand it.
        """
        if list_:
            _list(as_json=as_json, markdown=markdown)
            return
        try:
            sources = Sources.of(Settings.from_env(), dsn=dsn, kafka=kafka)
            if hash_:
                _hash(sources, as_json=as_json)
                return
            report = verify(
                sources,
                only=[code for code in only.split(",") if code],
                history=history,
                statement=statement,
                settled=settled,
                wait_s=wait,
                say=lambda line: typer.echo(f"  {line}", err=True),
            )
        except CannotCheck as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(error.exit_code) from error
        if as_json:
            print(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
        else:
            report.show(Console())
        raise typer.Exit(0 if report.good else 1)


def _list(*, as_json: bool, markdown: bool) -> None:
    if markdown:
        print(page(), end="")
        return
    if as_json:
        known = [{k: v for k, v in asdict(rule).items() if k != "sql"} for rule in rules()]
        print(json.dumps(known, ensure_ascii=False, indent=2))
        return
    table = Table("rule", "what holds", "kind", "severity", "needs")
    for rule in rules():
        cells = (rule.code, rule.sentence, rule.kind, rule.severity, rule.needs)
        table.add_row(*cells, end_section=rule is _last_of_its_group(rule.code[0]))
    Console().print(table)
    print("safety: at any moment. settled: on a quiet platform. both: parts of either.")
    print("The SQL of each: " + str(Path(__file__).with_name("invariants")))


def _last_of_its_group(letter: str) -> object:
    return [rule for rule in rules() if rule.code[0] == letter][-1] if letter in GROUPS else None


def _hash(sources: Sources, *, as_json: bool) -> None:
    from ltc.verify.hashing import database_hashes

    hashes = run_sync(database_hashes(sources))
    if as_json:
        found = {
            name: {table: asdict(content) for table, content in tables.items()}
            for name, tables in hashes.items()
        }
        print(json.dumps(found, indent=2))
        return
    table = Table("database", "table", "rows", "hash")
    for name, tables in hashes.items():
        for number, (which, content) in enumerate(tables.items(), start=1):
            end = number == len(tables)
            table.add_row(name, which, str(content.rows), content.hash, end_section=end)
    Console().print(table)
