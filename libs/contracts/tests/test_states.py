"""The schema of states accepts states made of events and refuses altered ones."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.catalog import FACTS, STAGES
from contracts.samples import sample
from contracts.states import state_schema_of, tells_of_state


def told(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(sample(FACTS[name]).model_dump_json())
    return data


@pytest.mark.parametrize("stage", STAGES)
def test_state_schema_accepts_states_and_refuses_altered_ones(stage: str) -> None:
    validator = Draft202012Validator(state_schema_of(stage))
    names = [n for n, f in FACTS.items() if f.topic == f"ltc.{stage}.v1" and tells_of_state(n)]
    merged: dict[str, Any] = {}
    for name in names:
        validator.validate(told(name))
        merged |= told(name)
        validator.validate(merged)

    spoilt = dict.fromkeys(merged, 17.5)
    refused = {error.absolute_path[0] for error in validator.iter_errors(spoilt)}
    assert refused >= {name for name in merged if name.endswith("_id") or name == "number"}
    assert {"number", "owner"} & refused


def test_state_schema_ignores_gate_events() -> None:
    gates = [name for name in FACTS if not tells_of_state(name)]
    assert len(gates) >= 12
    assert all(".gate_" in name for name in gates)
    assert "gate" not in state_schema_of("lead")["properties"]
