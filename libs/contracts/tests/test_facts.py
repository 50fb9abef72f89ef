"""Every fact of the catalogue: readable for ever, tolerant to what is new."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

from contracts.catalog import CATALOG, FACTS, PUBLIC_TOPICS
from contracts.envelope import Envelope, MalformedEnvelope, peek_type
from contracts.generate import GOLDEN, golden_of, sample, schema_of, stale
from contracts.lead import LeadCaptured


def golden(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_fixture_is_read_and_said_again_alike(name: str) -> None:
    value = golden(name)["value"]

    assert FACTS[name].model_validate(value).model_dump(mode="json") == value


@pytest.mark.parametrize("name", sorted(FACTS))
def test_every_sample_fits_its_published_schema(name: str) -> None:
    value = golden_of(FACTS[name])["value"]

    jsonschema.Draft202012Validator(schema_of(FACTS[name])).validate(value)


@pytest.mark.parametrize("name", sorted(FACTS))
def test_a_fact_is_filed_under_its_own_type_topic_and_key(name: str) -> None:
    fact = FACTS[name]

    assert fact.name == name
    assert fact.topic in PUBLIC_TOPICS
    assert str(sample(fact).key_value()) == golden(name)["headers"]["ce_subject"]
    assert fact.__doc__


def test_schemas_fixtures_and_events_md_are_current() -> None:
    assert stale() == []


def test_unknown_fields_are_ignored() -> None:
    value = golden("ltc.lead.captured.v1")["value"]
    newer = {**value, "sentiment": "warm", "contact": {**value["contact"], "fax": "1"}}

    assert LeadCaptured.model_validate(newer) == LeadCaptured.model_validate(value)


def test_an_instant_without_an_offset_is_refused() -> None:
    value = golden("ltc.lead.captured.v1")["value"]

    with pytest.raises(ValidationError, match="captured_at"):
        LeadCaptured.model_validate({**value, "captured_at": "2026-01-01T00:00:00"})


def test_hearers_are_stages() -> None:
    stages = {"lead", "deal", "quote", "contract", "order", "billing"}

    assert {h for entry in CATALOG.values() for h in entry.hearers} <= stages


def _headers() -> list[tuple[str, bytes | None]]:
    headers = golden("ltc.deal.won.v1")["headers"]
    return [(name, value.encode()) for name, value in headers.items()]


def test_an_envelope_comes_back_as_it_was() -> None:
    envelope = Envelope.from_headers(_headers())

    assert sorted(envelope.to_headers()) == sorted(_headers())
    assert peek_type(_headers()) == "ltc.deal.won.v1"


@pytest.mark.parametrize(
    "name", ["ce_id", "ce_time", "ce_sequence", "ce_correlationid", "ce_subject", "ce_type"]
)
@pytest.mark.parametrize("value", [None, b"", b"\xff\xfe", b"nonsense"])
def test_a_broken_header_is_named(name: str, value: bytes | None) -> None:
    if value == b"nonsense" and name in ("ce_subject", "ce_type"):
        value = b"\xff"
    headers = [(n, value if n == name else v) for n, v in _headers()]

    with pytest.raises(MalformedEnvelope, match=name):
        Envelope.from_headers(headers)


def test_a_record_without_a_type_is_peeked_as_none() -> None:
    assert peek_type([("x", None)]) is None
    assert peek_type([("ce_type", None)]) is None
