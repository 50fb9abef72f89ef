"""``ltc contracts`` shows producers and consumers of each event, and fails on a broken contract."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.catalog import FACTS
from contracts.needs import hearers
from ltc import agreements
from ltc.main import app

ISSUED = "ltc.invoice.issued.v1"


def shown(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["contracts", *arguments], env={"COLUMNS": "200"})
    return done.exit_code, done.output


@pytest.fixture
def no_evidence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing was said yet."""
    file = tmp_path / "evidence.json"
    monkeypatch.setattr(agreements, "EVIDENCE", file)
    return file


def test_contract_report_shows_producer_and_consumers_of_every_event(no_evidence: Path) -> None:
    _, text = shown("--json")
    told: dict[str, Any] = json.loads(text)

    facts = {fact["type"]: fact for fact in told["facts"]}
    assert facts.keys() == FACTS.keys()
    assert facts[ISSUED]["producer"] == "billing-svc"
    assert facts[ISSUED]["needed_by"].keys() == {
        "console",
        "contract-svc",
        "deal-svc",
        "ltc-verify",
    }
    assert {consumer["name"] for consumer in told["consumers"]} == hearers().keys()
    assert told["deployable"] == ["Yes: all can go to a new environment together."]


def test_contract_report_shows_the_verdict_and_deployable_services(no_evidence: Path) -> None:
    _, text = shown()

    assert f"Gate: {len(FACTS)} facts against" in text
    assert "Needs: none left open; held against nothing yet: no run." in text
    assert "can go to a new environment" in text


def test_contract_report_fails_on_an_unmet_requirement(no_evidence: Path) -> None:
    no_evidence.write_text(json.dumps({"said": {ISSUED: [{"number": "I-1"}]}}))

    code, text = shown()

    assert code == 1
    assert f"contract-svc: /totals/gross of {ISSUED}: no producer's test ever filled it" in text
