"""Java and Node clients read a whole journey by the published schemas, and refuse bad events.

Their programs (`java/`, `node/`) share no code with the platform: Kafka's own client and kafkajs,
networknt's validator and ajv. Node gets the schemas from the console, Java from the folder.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from contracts.schema import PACKAGE, SCHEMAS
from tests.foreign.conftest import PLANTED, SPOILT, Told
from tests.foreign.toolchain import HERE, java, lines_of, node

pytestmark = pytest.mark.untouched

DOCUMENTS = sorted((PACKAGE.parents[1] / "docs" / "asyncapi").glob("*.json"))


@pytest.fixture(scope="module", params=["java", "node"])
def received(
    request: pytest.FixtureRequest, told: Told, tmp_path_factory: pytest.TempPathFactory
) -> list[dict[str, Any]]:
    """What one program printed. ``told`` is asked for by name: the shared installation stops after
    the last test whose declared fixtures lead to it."""
    if request.param == "java":
        program = [*java(tmp_path_factory.mktemp("classes")), "Consume"]
        facts, read = told.heard_by(program, str(PACKAGE / SCHEMAS))
    else:
        program = [*node(), str(HERE / "node" / "consume.mjs")]
        facts, read = told.heard_by(program, f"{told.house.url('console')}/schemas")
    assert read >= len(facts)
    return facts


def test_foreign_clients_read_a_journey_as_published(
    told: Told, received: list[dict[str, Any]]
) -> None:
    facts = [fact for fact in received if fact["topic"] != PLANTED]

    assert len(facts) == len(told.steps) >= 20
    assert {(f["id"], f["type"]) for f in facts} == {(s["event_id"], s["type"]) for s in told.steps}
    lies = {(r.event_id, r.topic, r.partition, r.key.decode()) for r in told.records}
    assert {(f["id"], f["topic"], f["partition"], f["key"]) for f in facts} == lies
    assert [(fact["type"], fact["errors"]) for fact in facts if not fact["valid"]] == []


def test_foreign_clients_get_events_of_each_subject_in_order(
    received: list[dict[str, Any]],
) -> None:
    """Order holds per producer and subject: billing publishes events of a contract too."""
    sequences: dict[tuple[str, str], list[int]] = defaultdict(list)
    for fact in received:
        if fact["topic"] != PLANTED:
            sequences[fact["topic"], fact["subject"]].append(fact["sequence"])

    assert [s for s in sequences.values() if s != list(range(1, len(s) + 1))] == []
    assert max(map(len, sequences.values())) >= 3


def test_foreign_clients_refuse_an_invalid_event_and_accept_a_new_field(
    received: list[dict[str, Any]],
) -> None:
    planted = [fact for fact in received if fact["topic"] == PLANTED]

    verdicts = dict(zip(SPOILT, [fact["valid"] for fact in planted], strict=True))
    assert verdicts == {what: what.startswith("valid") for what in SPOILT}
    where = [" ".join(fact["errors"]) for fact in planted[1:]]
    for field, told in zip(
        ("gross", "contract_id", "won_at", "contract_number"), where, strict=True
    ):
        assert field in told


def test_asyncapi_official_parser_accepts_every_document(tmp_path: Path) -> None:
    spoilt = json.loads(DOCUMENTS[0].read_text(encoding="utf-8"))
    spoilt["operations"] = {name: {"action": "shout"} for name in spoilt["operations"]}
    wrong = tmp_path / "wrong.json"
    wrong.write_text(json.dumps(spoilt), encoding="utf-8")
    parse = [*node(), str(HERE / "node" / "asyncapi.mjs")]

    *ours, refused = lines_of([*parse, *map(str, DOCUMENTS), str(wrong)])

    assert [(found["valid"], found["errors"]) for found in ours] == [(True, [])] * 6
    for document, found in zip(DOCUMENTS, ours, strict=True):
        described = json.loads(document.read_text(encoding="utf-8"))["components"]["messages"]
        assert set(found["messages"]) == {message["name"] for message in described.values()}
    assert not refused["valid"]
    assert refused["errors"]
