"""The checkpoint in the subscriber's own database, in the transaction that deals with the fact.

What was done and that it was done are then one: after a crash both are there, or neither.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from ltc_client.checkpoints import Progress
from ltc_client.errors import Superseded
from ltc_client.fact import Fact

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS ltc_position (subscription TEXT NOT NULL, place TEXT NOT NULL,"
    " position TEXT NOT NULL, PRIMARY KEY (subscription, place))",
    "CREATE TABLE IF NOT EXISTS ltc_sequence (subscription TEXT NOT NULL, source TEXT NOT NULL,"
    " subject TEXT NOT NULL, sequence BIGINT NOT NULL,"
    " PRIMARY KEY (subscription, source, subject))",
    "CREATE TABLE IF NOT EXISTS ltc_event (subscription TEXT NOT NULL, id TEXT NOT NULL,"
    " PRIMARY KEY (subscription, id))",
)
"""For those whose program may not create tables: SQLite's and PostgreSQL's alike."""


class InSql:
    """In tables of a DB-API connection, sqlite3's or psycopg's. It never commits what is yours:
    call ``subscription.done(fact)`` before you commit.

    ``create=False`` for a program that may not create tables; `TABLES` has them.
    """

    automatic = False

    def __init__(self, connection: Any, subscription: str, *, create: bool = True) -> None:
        self._connection = connection
        self._name = subscription
        self._mark = _placeholder(connection)
        self._expected: dict[str, str] = {}
        if create:
            for table in TABLES:
                self._run(table)
            connection.commit()

    def positions(self) -> Mapping[str, str]:
        found = self._read(
            "SELECT place, position FROM ltc_position WHERE subscription = ?", self._name
        )
        self._expected = {str(place): str(position) for place, position in found}
        return dict(self._expected)

    def sequence(self, source: str, subject: str) -> int:
        found = self._read(
            "SELECT sequence FROM ltc_sequence"
            " WHERE subscription = ? AND source = ? AND subject = ?",
            self._name,
            source,
            subject,
        )
        return int(found[0][0]) if found else 0

    def has_heard(self, fact: Fact) -> bool:
        return bool(
            self._read(
                "SELECT 1 FROM ltc_event WHERE subscription = ? AND id = ?",
                self._name,
                str(fact.id),
            )
        )

    def save(self, progress: Progress) -> None:
        if progress.position is not None:
            self._move(progress.place, progress.position)
        fact = progress.fact
        if fact is None:
            return
        if progress.in_order:
            self._change(
                "INSERT INTO ltc_sequence (subscription, source, subject, sequence)"
                " VALUES (?, ?, ?, ?) ON CONFLICT (subscription, source, subject)"
                " DO UPDATE SET sequence = excluded.sequence"
                " WHERE ltc_sequence.sequence < excluded.sequence",
                self._name,
                fact.source,
                fact.subject,
                fact.sequence,
            )
        else:
            self._change(
                "INSERT INTO ltc_event (subscription, id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                self._name,
                str(fact.id),
            )

    def begin(self, positions: Mapping[str, str], sequences: Mapping[tuple[str, str], int]) -> None:
        """In your transaction, like the states that you write."""
        self._run("DELETE FROM ltc_position WHERE subscription = ?", self._name)
        self._run("DELETE FROM ltc_sequence WHERE subscription = ?", self._name)
        self._expected = {}
        for place, position in positions.items():
            self._move(place, position)
        known = [(self._name, *thing, last) for thing, last in sequences.items()]
        statement = (
            "INSERT INTO ltc_sequence (subscription, source, subject, sequence) VALUES (?, ?, ?, ?)"
        )
        self._connection.cursor().executemany(statement.replace("?", self._mark), known)

    def pass_over(self, place: str, position: str) -> None:
        if _in_transaction(self._connection):  # it is yours
            return
        self._move(place, position)
        self._connection.commit()

    def close(self) -> None:
        """The connection is yours, and stays open."""

    def _move(self, place: str, position: str) -> None:
        """From where we left it: a transaction that was rolled back, and another process that
        reads the same place, are noticed here."""
        if place in self._expected:
            self._change(
                "UPDATE ltc_position SET position = ?"
                " WHERE subscription = ? AND place = ? AND position = ?",
                position,
                self._name,
                place,
                self._expected[place],
            )
        else:
            self._change(
                "INSERT INTO ltc_position (subscription, place, position) VALUES (?, ?, ?)"
                " ON CONFLICT DO NOTHING",
                self._name,
                place,
                position,
            )
        self._expected[place] = position

    def _change(self, statement: str, *values: Any) -> None:
        if self._run(statement, *values).rowcount != 1:
            raise Superseded(
                f"{self._name} is no longer where we left it: another process has it, or a"
                " transaction was rolled back; roll this one back and subscribe anew"
            )

    def _read(self, statement: str, *values: Any) -> Sequence[Any]:
        """Between two facts, so it must not leave a transaction open that was not."""
        was_open = _in_transaction(self._connection)
        found: Sequence[Any] = self._run(statement, *values).fetchall()
        if not was_open and _in_transaction(self._connection):
            self._connection.rollback()
        return found

    def _run(self, statement: str, *values: Any) -> Any:
        cursor = self._connection.cursor()
        cursor.execute(statement.replace("?", self._mark), values)
        return cursor


def _placeholder(connection: Any) -> str:
    module = sys.modules[type(connection).__module__.partition(".")[0]]
    style = getattr(module, "paramstyle", "")
    _in_transaction(connection)
    return "?" if style == "qmark" else "%s"


def _in_transaction(connection: Any) -> bool:
    if hasattr(connection, "in_transaction"):
        return bool(connection.in_transaction)
    try:
        return int(connection.info.transaction_status) != 0
    except AttributeError as error:
        raise TypeError(
            f"{type(connection).__module__} is not supported: give a connection of sqlite3"
            " or psycopg"
        ) from error
