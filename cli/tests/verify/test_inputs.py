"""Inputs of ``ltc verify``: statements and histories are read, or refused with the bad line."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from local_infra.ports import free_port
from ltc.main import app
from ltc.settings import PROJECT
from ltc.verify import CannotCheck
from ltc.verify.evidence import read_history, read_statement
from ltc.verify.rules import chosen, page, rules

AT = "2026-11-01T08:00:00+00:00"


def test_verify_reads_the_same_statement_from_csv_and_ndjson(tmp_path: Path) -> None:
    line = {"reference": "B-1", "amount": "10.50", "currency": "CNY", "direction": "in", "at": AT}
    as_csv, as_json = tmp_path / "s.csv", tmp_path / "s.ndjson"
    as_csv.write_text(",".join(line) + "\n" + ",".join(line.values()) + "\n")
    as_json.write_text(json.dumps(line) + "\n")

    booked = ("bank", "B-1", "CNY", 1050, "in", datetime.fromisoformat(AT).astimezone(UTC))
    assert read_statement(as_csv) == read_statement(as_json) == [booked]


def test_verify_assigns_returned_money_to_its_first_reference(tmp_path: Path) -> None:
    line = {"reference": "B-2", "returns": "B-1", "amount": "1", "currency": "JPY", "at": AT}
    file = tmp_path / "s.ndjson"
    file.write_text(json.dumps(line | {"direction": "out"}) + "\n")

    assert [row[:5] for row in read_statement(file)] == [("bank", "B-1", "JPY", 1, "out")]


def test_verify_history_identifies_a_request_by_external_id_or_key(tmp_path: Path) -> None:
    journey = str(uuid4())
    lines = [
        {"op": "single", "key": "k1", "status": "unknown"},
        {"op": "second", "key": "k2", "status": "ok", "external_id": "k1", "journey_id": journey},
    ]
    file = tmp_path / "h.ndjson"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"op": "half a li')

    assert read_history(file) == [
        ("single", "k1", "k1", "unknown", None),
        ("second", "k2", "k1", "ok", journey),
    ]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"op": "x", "key": "k", "status": "maybe"}, "maybe"),
        ({"op": "x", "status": "ok"}, "key"),
    ],
)
def test_verify_refuses_an_inconsistent_history(
    tmp_path: Path, line: dict[str, str], why: str
) -> None:
    file = tmp_path / "h.ndjson"
    file.write_text(json.dumps(line) + "\n")

    with pytest.raises(CannotCheck, match=f"entry 1: .*{why}"):
        read_history(file)


def test_verify_refuses_float_amounts_on_a_statement(tmp_path: Path) -> None:
    file = tmp_path / "s.ndjson"
    file.write_text(
        json.dumps({"reference": "B", "amount": "1.005", "currency": "CNY", "at": AT}) + "\n"
    )

    with pytest.raises(CannotCheck, match=r"CNY has 2 decimals, 1\.005 has more"):
        read_statement(file)


def test_verify_has_every_planned_invariant() -> None:
    planned = [f"D{n}" for n in range(1, 10)] + [f"J{n}" for n in range(1, 6)]

    planned += [f"M{n}" for n in range(1, 11)] + [f"S{n}" for n in range(1, 5)]

    assert [rule.code for rule in rules()] == planned
    assert [rule.code for rule in chosen(["m1", "D2"])] == ["D2", "M1"]


def test_verify_fails_on_an_unknown_rule_or_an_unreachable_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LTC_HOME", str(tmp_path))
    monkeypatch.setenv("LTC_KAFKA_PORT", str(free_port()))

    unknown = CliRunner().invoke(app, ["verify", "--only", "D2,X9"])
    silent = CliRunner().invoke(app, ["verify"])

    assert (unknown.exit_code, silent.exit_code) == (2, 2)
    assert "there is no invariant X9" in unknown.stderr
    assert "127.0.0.1" in silent.stderr.splitlines()[-1]


def test_verify_rules_page_is_current() -> None:
    assert (PROJECT / "docs" / "invariants.md").read_text() == page()


def test_verify_list_explains_each_rule(tmp_path: Path) -> None:
    listed = json.loads(CliRunner().invoke(app, ["verify", "--list", "--json"]).output)

    assert [rule["code"] for rule in listed] == [rule.code for rule in rules()]
    assert all(rule["sentence"].endswith(".") for rule in listed)
