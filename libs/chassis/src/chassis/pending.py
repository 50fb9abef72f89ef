"""What a unit of work will write beside its aggregates: in memory until it is flushed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Table

from chassis.bulk import Writes
from chassis.tables import GateRow, OutboxRow, table_of

IF_NEW = "ON CONFLICT DO NOTHING"
GATE_KEY = ("aggregate_id", "name", "opened_at")

Gates = dict[tuple[UUID, str, datetime], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Mark:
    """Where it stood, so that what one message added can be taken back."""

    facts: int
    rows: dict[tuple[Table, str], int]
    gates: Gates


class Pending:
    """Facts, rows and gates, in the order in which they were added."""

    def __init__(self) -> None:
        self._facts: list[dict[str, Any]] = []
        self._rows: dict[tuple[Table, str], list[dict[str, Any]]] = defaultdict(list)
        self._gates: Gates = {}

    @property
    def facts(self) -> int:
        """How many facts wait to be said."""
        return len(self._facts)

    def say(self, outbox_row: dict[str, Any]) -> None:
        self._facts.append(outbox_row)

    def unsay(self, needless: Callable[[dict[str, Any]], bool]) -> None:
        """Drop facts that need not be said."""
        self._facts = [row for row in self._facts if not needless(row)]

    def add(self, table: Table, row: dict[str, Any], *, if_new: bool) -> None:
        """A row to append; one whose key is there already is an error, or passed over."""
        self._rows[(table, IF_NEW if if_new else "")].append(row)

    def keep_gate(self, row: dict[str, Any]) -> None:
        """A gate as it is now."""
        self._gates[(row["aggregate_id"], row["name"], row["opened_at"])] = row

    def mark(self) -> Mark:
        rows = {place: len(rows) for place, rows in self._rows.items()}
        return Mark(len(self._facts), rows, dict(self._gates))

    def revert(self, mark: Mark) -> None:
        """Take back everything since the mark."""
        del self._facts[mark.facts :]
        for place, rows in self._rows.items():
            del rows[mark.rows.get(place, 0) :]
        self._gates = mark.gates

    def clear(self) -> None:
        self._facts.clear()
        self._rows.clear()
        self._gates = {}

    def write_rows(self, writes: Writes) -> None:
        """Rows and gates; in the order of their key where one of them may be there already: two
        transactions then never wait for each other."""
        for (table, on_conflict), rows in self._rows.items():
            if not rows:
                continue
            if on_conflict:
                keys = list(table.primary_key.columns.keys())
                rows.sort(key=lambda row: [str(row[key]) for key in keys])
            writes.insert(table, rows, on_conflict=on_conflict)
        if self._gates:
            writes.upsert(table_of(GateRow), list(self._gates.values()), key=GATE_KEY)

    def write_facts(self, writes: Writes) -> None:
        if self._facts:
            writes.insert(table_of(OutboxRow), self._facts)
