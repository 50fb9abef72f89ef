"""Rules of ``ltc verify``: each fault is found by the rules that it breaks, and by no other.

The faults are those of ``faults.sql``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest
from cli.tests.verify.small_installation import Loaded

from ltc.verify.rules import rules

OBJECTS, *_BLOCKS = re.split(
    r"^-- fault: ", Path(__file__).with_name("faults.sql").read_text(), flags=re.MULTILINE
)


class Fault(NamedTuple):
    red: set[str]
    """The rules that must object, and no other."""
    says: str
    """What one of them says."""
    changes: list[str]


def _fault(block: str) -> tuple[str, Fault]:
    name, red, sql = block.split("\n", 2)
    says = re.match(r"-- says: (.*)\n", sql)
    codes = red.removeprefix("-- red: ").split(", ")
    changes = [s for s in sql.split(";\n") if s.strip()]
    return name, Fault(set(codes), says.group(1) if says else "", changes)


FAULTS = dict(map(_fault, _BLOCKS))


def test_verify_passes_an_undamaged_installation(loaded: Loaded) -> None:
    findings = loaded.findings(settled=True)

    assert [v.what for f in findings for v in f.first] == []
    assert {f.outcome for f in findings} == {"holds"}


@pytest.mark.parametrize("fault", FAULTS)
def test_verify_finds_each_fault_by_exactly_the_broken_rules(loaded: Loaded, fault: str) -> None:
    red, says, changes = FAULTS[fault]

    found = loaded.findings(OBJECTS, *changes, settled="D8" in red)

    assert any(says in v.what for f in found for v in f.first)
    assert {f.rule.code for f in found if f.count} == red, [
        v.what for f in found for v in f.first[:2]
    ]


def test_verify_faults_cover_every_rule() -> None:
    seen = {code for fault in FAULTS.values() for code in fault.red}

    assert seen == {rule.code for rule in rules()}


def test_verify_reports_parked_messages_only_with_settled(loaded: Loaded) -> None:
    changes = FAULTS["a message waits for ever"].changes

    assert not [f for f in loaded.findings(OBJECTS, *changes) if f.count]


def test_verify_counts_an_unconsumed_message_as_lag_not_loss(loaded: Loaded) -> None:
    changes = FAULTS["a consumer dropped the last message of a key"].changes
    not_so_far = "UPDATE committed SET \"position\" = 0 WHERE consumer = 'contract-svc'"

    found = {f.rule.code: f for f in loaded.findings(OBJECTS, *changes, not_so_far)}

    assert not [code for code, f in found.items() if f.count]
    assert found["D4"].outcome == "in part"


def test_verify_expects_a_new_subscription_only_from_its_start(loaded: Loaded) -> None:
    changes = FAULTS["a consumer dropped the last message of a key"].changes
    heard_since = (
        "UPDATE heard SET since = put_at - INTERVAL 4 MINUTES FROM record WHERE consumer ="
        " 'contract-svc' AND heard.type = record.type AND id = one_settlement()::VARCHAR"
    )

    found = loaded.findings(OBJECTS, *changes, heard_since)

    assert not [v.what for f in found for v in f.first]


def test_verify_violation_names_the_object(loaded: Loaded) -> None:
    changes = FAULTS["an invoice says that something is outstanding"].changes

    found = next(f for f in loaded.findings(OBJECTS, *changes) if f.rule.code == "M6")

    assert found.first[0].what.startswith("Invoice INV-")
    assert "0.01" in found.first[0].what
    assert found.first[0].journey_id
