"""One run: look at everything in an order that accuses nobody falsely, then ask every rule."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ltc.settings import STAGES, SUBSCRIBERS
from ltc.verify.code import moves
from ltc.verify.databases import copy_out, pending, snapshots
from ltc.verify.evidence import HISTORY, STATEMENT, read_history, read_statement
from ltc.verify.report import KEPT, Finding, Outcome, Report, Violation
from ltc.verify.rules import Rule, chosen
from ltc.verify.scratch import fill, finish, new_scratch, take_in
from ltc.verify.sources import CannotCheck, Sources
from ltc.verify.topics import committed, topics

Say = Callable[[str], None]
LOOK_AGAIN_S = 0.5
GROUPS = (*SUBSCRIBERS, *(f"{stage}-svc" for stage in STAGES))
"""The consumer groups, as each service names its own."""


@dataclass(frozen=True)
class Wish:
    """What to check, and with what evidence beside the installation's own."""

    only: Sequence[str] = ()
    history: Path | None = None
    statement: Path | None = None
    settled: bool = False
    """Not being quiet is a violation (D8)."""
    wait_s: float = 0.0
    """How long to wait for quiet first; more than none means ``settled``."""

    @property
    def wants_rest(self) -> bool:
        return self.settled or self.wait_s > 0


@dataclass
class Clock:
    """Seconds by phase."""

    took_s: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.perf_counter)

    def lap(self, phase: str) -> None:
        now = time.perf_counter()
        self.took_s[phase] = round(now - self.since, 2)
        self.since = now


async def check(sources: Sources, wish: Wish | None = None, say: Say | None = None) -> Report:
    """As `ltc.verify.verify`, for those who are in a loop already. Raises CannotCheck."""
    wish, say = wish or Wish(), say or (lambda _: None)
    wanted = chosen(wish.only)
    clock = Clock()
    with TemporaryDirectory(prefix="ltc-verify-") as name:
        folder = Path(name)
        if wish.wait_s:
            await _await_quiet(sources, wish.wait_s, say)
            clock.lap("waited")
        with new_scratch(folder / "spill") as scratch:
            await load(scratch, sources, folder, wish, say)
            clock.lap("read")
            await asyncio.to_thread(
                finish,
                scratch,
                history=wish.history is not None,
                statement=wish.statement is not None,
            )
            clock.lap("arranged")
            findings = ask(scratch, wanted, wish)
            clock.lap("asked")
            return Report(tuple(findings), _under_way(scratch), _sizes(scratch), clock.took_s)


async def load(
    scratch: duckdb.DuckDBPyConnection,
    sources: Sources,
    folder: Path,
    wish: Wish,
    say: Say,
) -> None:
    """Fill the scratch database, in the order that the package's docstring explains."""
    history = read_history(wish.history) if wish.history else []
    offsets = await committed(sources.kafka, GROUPS)
    async with topics(sources.kafka) as on_topics, snapshots(sources) as connections:
        reading = asyncio.create_task(on_topics.read(folder, say))
        try:
            for part in await copy_out(connections, folder, say):
                await asyncio.to_thread(take_in, scratch, part)
            for part in await reading:
                await asyncio.to_thread(take_in, scratch, part)
        finally:
            reading.cancel()
    statement = read_statement(wish.statement) if wish.statement else []
    _refuse_unrecorded(scratch)
    text, number = "VARCHAR", "BIGINT"
    fill(scratch, "move", _columns(aggregate=text, source=text, target=text), moves())
    place = _columns(consumer=text, topic=text, partition="INTEGER", position=number)
    fill(scratch, "committed", place, offsets)
    fill(scratch, "history", HISTORY, history)
    fill(scratch, "statement", STATEMENT, statement)


def _refuse_unrecorded(scratch: duckdb.DuckDBPyConnection) -> None:
    """Without a word of what a consumer hears, nothing would be missed there."""
    known = {row[0] for row in scratch.execute("SELECT DISTINCT consumer FROM heard").fetchall()}
    if missing := sorted({*GROUPS} - known):
        raise CannotCheck(
            f"nothing is recorded of what {', '.join(missing)} hear: run their deploy step"
            " (python -m chassis.migrate; locally `ltc up`)"
        )


def ask(scratch: duckdb.DuckDBPyConnection, wanted: Sequence[Rule], wish: Wish) -> list[Finding]:
    """Put every wanted rule to the scratch database."""
    quiet = bool(_scalar(scratch, "SELECT settled FROM quiet"))
    given = {
        "history": wish.history is not None,
        "statement": wish.statement is not None,
        "rest": wish.wants_rest,
    }
    findings: list[Finding] = []
    for rule in wanted:
        if rule.needs and not given[rule.needs]:
            why = {"rest": "--settled not asked"}.get(rule.needs, f"no --{rule.needs}")
            findings.append(Finding(rule, "not judged", 0, (), 0.0, why))
            continue
        began = time.perf_counter()
        rows = scratch.execute(rule.sql).fetchall()
        ms = (time.perf_counter() - began) * 1000
        first = tuple(Violation(what, str(j) if j else None) for what, j in sorted(rows, key=str))
        outcome: Outcome = "violated" if rows else "holds"
        why = ""
        if not rows and rule.kind == "both" and not quiet:
            outcome, why = "in part", "not quiet"
        findings.append(Finding(rule, outcome, len(rows), first[:KEPT], ms, why))
    return findings


async def _await_quiet(sources: Sources, within_s: float, say: Say) -> None:
    """Until nothing is unsent, unheard or parked, or time is up: then the check tells. What does
    not answer meanwhile is being restarted, unless it still does not at the end."""
    deadline = time.monotonic() + within_s
    told = ""
    while True:
        try:
            words = await _unrest(sources)
        except CannotCheck as error:
            if time.monotonic() > deadline:
                raise
            words = str(error)
        if not words or time.monotonic() > deadline:
            return
        if words != told:
            say(f"not quiet yet: {words}")
            told = words
        await asyncio.sleep(LOOK_AGAIN_S)


async def _unrest(sources: Sources) -> str:
    """What is under way, by the cheap questions; nothing when all is quiet."""
    async with topics(sources.kafka) as on_topics, snapshots(sources) as connections:
        waiting = await pending(connections)
    ends = {(p.topic, p.partition): end for p, end in on_topics.early.items()}
    offsets = await committed(sources.kafka, GROUPS)
    counts = {
        "unsent": sum(outbox for outbox, _ in waiting.values()),
        "unheard": sum(max(0, ends.get((t, n), 0) - offset) for _, t, n, offset in offsets),
        "parked": sum(parked for _, parked in waiting.values()),
    }
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def _columns(**kinds: str) -> tuple[tuple[str, str], ...]:
    return tuple(kinds.items())


def _under_way(scratch: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    rows = scratch.execute(
        "SELECT service || ': ' || n || ' ' || what FROM backlog ORDER BY service, what"
    ).fetchall()
    return tuple(row[0] for row in rows)


def _sizes(scratch: duckdb.DuckDBPyConnection) -> dict[str, int]:
    asked = {
        "journeys": "SELECT count(DISTINCT journey_id) FROM aggregate WHERE kind <> 'payment'",
        "facts": "SELECT count(*) FROM said",
        "records": "SELECT count(*) FROM record",
        "ledger entries": "SELECT count(*) FROM ledger_entry",
    }
    return {name: _scalar(scratch, query) for name, query in asked.items()}


def _scalar(scratch: duckdb.DuckDBPyConnection, query: str) -> int:
    row = scratch.execute(query).fetchone()
    if row is None:
        raise CannotCheck(f"no answer to {query}")
    return int(row[0])
