"""Checkpoints: what they store, and which conflicts they detect."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from speaking import said

from contracts.deal import DealWon
from contracts.samples import sample
from ltc_client import BadCheckpoint, Checkpoint, Fact, InFile, InSql, Superseded
from ltc_client.checkpoints import Progress
from ltc_client.fact import from_record
from testkit.servers import create_database, drop_database

PLACE = "ltc.deal.v1/3"


def a_fact(sequence: int = 1, subject: str = "s") -> Fact:
    envelope, value, _ = said(sample(DealWon), sequence=sequence, subject=subject)
    return from_record(list(envelope.to_headers()), value)


@pytest.fixture(params=["sqlite3", "psycopg", "psycopg autocommit"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A function that connects to one database, as another process would."""
    if request.param == "sqlite3":
        opened = [sqlite3.connect(tmp_path / "own.db", timeout=0.1)]
        yield lambda: opened.append(sqlite3.connect(tmp_path / "own.db")) or opened[-1]
    else:
        name = f"t_client_{uuid4().hex[:8]}"
        url = create_database(name)
        opened = []
        auto = request.param != "psycopg"
        yield lambda: opened.append(psycopg.connect(url, autocommit=auto)) or opened[-1]
    for connection in opened:
        connection.close()
    if request.param != "sqlite3":
        drop_database(name)


@pytest.fixture(params=["file", "sql"])
def reopened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """A function that opens the same checkpoint, as the next process would."""
    held: list[Checkpoint] = []
    database = sqlite3.connect(tmp_path / "own.db")

    def reopen() -> Checkpoint:
        for checkpoint in held:
            database.commit()
            checkpoint.close()
        held[:] = [
            InFile(tmp_path / "here") if request.param == "file" else InSql(database, "board")
        ]
        return held[0]

    yield reopen
    held[0].close()
    database.close()


def test_checkpoint_is_read_by_the_next_process(reopened: Any) -> None:
    kept = reopened()
    assert dict(kept.positions()) == {}
    by_sequence, by_id = a_fact(7), a_fact(2, "t")
    kept.save(Progress(PLACE, "12", by_sequence, True))
    kept.save(Progress(PLACE, "13", None, True))
    kept.save(Progress("webhook", None, by_id, False))
    kept = reopened()
    assert dict(kept.positions()) == {PLACE: "13"}
    assert kept.sequence(by_sequence.source, "s") == 7
    assert kept.sequence("/ltc/billing-svc", "s") == 0, "another stage counts the same id anew"
    assert kept.has_heard(by_id)
    assert not kept.has_heard(by_sequence)


def test_checkpoint_file_is_replaced_atomically(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = InFile(tmp_path / "here")
    kept.save(Progress(PLACE, "1", a_fact(), True))
    before = (tmp_path / "here").read_text()

    def power_cut(fd: int) -> None:
        raise OSError("the power is gone")

    monkeypatch.setattr(os, "fsync", power_cut)
    with pytest.raises(OSError, match="power"):
        kept.save(Progress(PLACE, "2", a_fact(2), True))
    assert (tmp_path / "here").read_text() == before
    kept.close()


def test_checkpoint_file_keeps_the_latest_subjects(tmp_path: Path) -> None:
    kept = InFile(tmp_path / "here", window=2)
    for subject in ("a", "b", "a", "c"):
        kept.save(Progress(PLACE, "1", a_fact(5, subject), True))
    source = a_fact().source
    assert [kept.sequence(source, s) for s in "abc"] == [5, 0, 5]
    assert len(json.loads((tmp_path / "here").read_text())["sequences"]) == 2
    kept.close()


def test_checkpoint_file_is_used_by_one_process_at_a_time(tmp_path: Path) -> None:
    kept = InFile(tmp_path / "here")
    with pytest.raises(Superseded, match="another process works with"):
        InFile(tmp_path / "here")
    kept.close()
    InFile(tmp_path / "here").close()


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"positions": 3}'])
def test_checkpoint_refuses_a_file_of_another_format(tmp_path: Path, text: str) -> None:
    (tmp_path / "here").write_text(text)
    with pytest.raises(BadCheckpoint, match="is no checkpoint"):
        InFile(tmp_path / "here")
    assert (tmp_path / "here").read_text() == text


def test_checkpoint_in_sql_commits_position_and_effect_together(database: Any) -> None:
    connection = database()
    kept = InSql(connection, "board")
    connection.cursor().execute("CREATE TABLE deed (what TEXT)")
    connection.commit()
    kept.positions()
    _begin(connection)
    connection.cursor().execute("INSERT INTO deed VALUES ('one')")
    kept.save(Progress(PLACE, "1", a_fact(1), True))
    connection.rollback()
    after = InSql(database(), "board")
    assert dict(after.positions()) == {}
    assert after.sequence(a_fact().source, "s") == 0


def test_checkpoint_in_sql_refuses_to_continue_after_a_rollback(database: Any) -> None:
    connection = database()
    kept = InSql(connection, "board")
    kept.positions()
    kept.save(Progress(PLACE, "1", a_fact(1), True))
    connection.commit()
    _begin(connection)
    kept.save(Progress(PLACE, "2", a_fact(2), True))
    connection.rollback()
    with pytest.raises(Superseded, match="rolled back"):
        kept.save(Progress(PLACE, "3", a_fact(3), True))


def test_checkpoint_in_sql_lets_one_of_two_processes_continue(database: Any) -> None:
    ours, theirs = database(), database()
    mine, other = InSql(ours, "board"), InSql(theirs, "board")
    for checkpoint in (mine, other):
        checkpoint.positions()
    mine.save(Progress(PLACE, "1", a_fact(1), True))
    ours.commit()
    with pytest.raises(Superseded, match="another process"):
        other.save(Progress(PLACE, "1", a_fact(1), True))
    theirs.rollback()
    InSql(theirs, "another board").save(Progress(PLACE, "1", a_fact(1), True))


def test_checkpoint_in_sql_read_leaves_no_open_transaction(database: Any) -> None:
    connection = database()
    kept = InSql(connection, "board")
    kept.sequence("s", "t")
    kept.has_heard(a_fact())
    kept.positions()
    if isinstance(connection, sqlite3.Connection):
        assert not connection.in_transaction
    else:
        assert connection.info.transaction_status == 0


def test_checkpoint_in_sql_read_keeps_the_callers_transaction(database: Any) -> None:
    connection = database()
    kept = InSql(connection, "board")
    kept.positions()
    _begin(connection)
    kept.save(Progress(PLACE, "1", a_fact(4), True))
    assert kept.sequence(a_fact().source, "s") == 4
    connection.commit()
    assert InSql(database(), "board").sequence(a_fact().source, "s") == 4


def _begin(connection: Any) -> None:
    """Where each statement commits by itself, a transaction is begun."""
    if getattr(connection, "autocommit", False) is True:
        connection.cursor().execute("BEGIN")


def test_checkpoint_in_sql_refuses_another_driver_with_a_message() -> None:
    with pytest.raises(TypeError, match="sqlite3 or psycopg"):
        InSql(object(), "board")
