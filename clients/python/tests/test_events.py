"""Decoding of events from Kafka and CloudEvents; unknown types and fields keep their data."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from contracts.billing import PaymentReceived
from contracts.deal import DealOpened, DealWon
from contracts.envelope import MalformedEnvelope
from contracts.event import Event
from contracts.samples import SAMPLES, sample, sample_envelope
from ltc_client import UnknownFact, as_cloudevent, from_cloudevent
from ltc_client.fact import Fact, from_record
from ltc_client.types import Types


def heard(fact: Event, data: dict[str, Any] | None = None, **about: Any) -> Fact:
    envelope = replace(sample_envelope(fact), **about)
    value = fact.model_dump_json() if data is None else json.dumps(data)
    return from_record(list(envelope.to_headers()), value.encode())


@pytest.mark.parametrize("fact", SAMPLES.values(), ids=lambda fact: fact.name)
def test_client_decodes_each_event_into_its_class_on_every_interface(fact: Event) -> None:
    from_kafka = heard(fact)
    assert from_kafka.said == fact
    assert from_cloudevent(json.loads(json.dumps(as_cloudevent(from_kafka)))) == from_kafka


def test_client_keeps_an_unknown_field_in_the_data() -> None:
    fact = sample(DealWon)
    found = heard(fact, {**json.loads(fact.model_dump_json()), "mood": {"of": "buyer"}})
    assert found.said == fact
    assert found.data["mood"] == {"of": "buyer"}


@pytest.mark.parametrize("name", ["ltc.deal.won.v2", "ltc.deal.praised.v1", "ltc.moon.risen.v1"])
def test_client_decodes_an_unknown_type_with_its_data(name: str) -> None:
    found = heard(sample(DealWon), type=name)
    assert isinstance(found, UnknownFact)
    assert found.said is None
    assert found.data["number"] == sample(DealWon).number
    assert found.stage == "deal"


def test_client_names_the_field_of_an_invalid_event() -> None:
    data = json.loads(sample(DealWon).model_dump_json())
    found = heard(sample(DealWon), {**data, "won_at": "soon"})
    assert isinstance(found, UnknownFact)
    assert found.why.startswith("won_at: ")
    del data["number"]  # missing, and not because it was personal
    assert isinstance(heard(sample(DealWon), data), UnknownFact)


def test_client_keeps_a_value_that_is_no_json_object() -> None:
    found = from_record(list(sample_envelope(sample(DealWon)).to_headers()), b"\xff[")
    assert isinstance(found, UnknownFact)
    assert found.raw == b"\xff["


@pytest.mark.parametrize("fact", SAMPLES.values(), ids=lambda fact: fact.name)
def test_client_decodes_events_without_personal_fields(fact: Event) -> None:
    data = without_personal(json.loads(fact.model_dump_json()))
    assert type(heard(fact, data).said) is type(fact)


def test_client_leaves_removed_personal_fields_empty() -> None:
    opened = heard(sample(DealOpened), without_personal(json.loads(_text(DealOpened)))).said
    assert isinstance(opened, DealOpened)
    assert opened.contact is not None
    assert (opened.contact.name, opened.contact.email) == ("", None)
    paid = heard(sample(PaymentReceived), without_personal(json.loads(_text(PaymentReceived)))).said
    assert isinstance(paid, PaymentReceived)
    assert paid.payer is None


def _text(kind: type[Event]) -> str:
    return sample(kind).model_dump_json()


def without_personal(node: Any, inside: str = "") -> Any:
    """By the names that parties.py and terms.py mark, and not by the client's own reading."""
    marked = {
        "contact": {"name", "email", "phone"},
        "consent": {"given_by", "ip"},
        "payer": {"payer"},
    }
    if isinstance(node, list):
        return [without_personal(item, inside) for item in node]
    if not isinstance(node, dict):
        return node
    if "method" in node and "by" in node:  # evidence, under whatever name
        node = {k: v for k, v in node.items() if k not in ("by", "ip")}
    return {
        name: without_personal(child, name)
        for name, child in node.items()
        if name not in marked.get(inside, ()) and name not in marked["payer"]
    }


@pytest.mark.parametrize("name", ["id", "type", "subject", "time", "sequence", "data"])
def test_client_refuses_a_cloudevent_without_a_required_attribute(name: str) -> None:
    event = as_cloudevent(heard(sample(DealWon)))
    del event[name]
    with pytest.raises(MalformedEnvelope, match=name):
        from_cloudevent(event)


@pytest.mark.parametrize(
    ("pattern", "wanted", "unwanted"),
    [
        ("deal.*", "ltc.deal.won.v1", "ltc.lead.captured.v1"),
        ("ltc.deal.won.v1", "ltc.deal.won.v1", "ltc.deal.won.v2"),
        ("deal.won", "ltc.deal.won.v7", "ltc.deal.won_over.v1"),
        ("*", "ltc.moon.risen.v1", "moon.risen"),
        ("invoice*", "ltc.invoice.paid.v1", "ltc.payment.received.v1"),
    ],
)
def test_client_type_patterns_accept_common_notations(
    pattern: str, wanted: str, unwanted: str
) -> None:
    assert Types([pattern]).wants(wanted)
    assert not Types([pattern]).wants(unwanted)


def test_client_type_patterns_select_topics() -> None:
    assert Types(["invoice.paid", "deal.*"]).topics() == ["ltc.billing.v1", "ltc.deal.v1"]
    assert len(Types(["moon.*"]).topics()) == 6
    assert len(Types().topics()) == 6


@pytest.mark.parametrize("pattern", ["", "Deal.*", "deal won", "*.won", ".*"])
def test_client_refuses_a_pattern_without_a_type(pattern: str) -> None:
    with pytest.raises(ValueError, match="names no type"):
        Types([pattern])
