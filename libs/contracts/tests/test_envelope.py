"""The envelope: the headers of CloudEvents 1.0 in Kafka binary mode, and errors by header name."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from contracts.deal import DealWon
from contracts.envelope import Envelope, MalformedEnvelope, peek_type
from contracts.samples import sample, sample_envelope

ENVELOPE = sample_envelope(sample(DealWon))


def headers(**changes: bytes | None) -> list[tuple[str, bytes | None]]:
    changed = {**dict(ENVELOPE.to_headers()), **changes}
    return list(changed.items())


def test_envelope_headers_follow_cloudevents_binary_mode() -> None:
    assert dict(ENVELOPE.to_headers()) == {
        "ce_specversion": b"1.0",
        "ce_id": str(ENVELOPE.id).encode(),
        "ce_source": b"/ltc/deal-svc",
        "ce_type": b"ltc.deal.won.v1",
        "ce_subject": ENVELOPE.subject.encode(),
        "ce_time": b"2026-03-02T13:30:00.250000Z",
        "ce_dataschema": b"/schemas/ltc.deal.won.v1",
        "ce_partitionkey": ENVELOPE.subject.encode(),
        "ce_sequence": b"00000000000000000003",
        "ce_correlationid": str(ENVELOPE.journey_id).encode(),
        "ce_causationid": str(ENVELOPE.causation_id).encode(),
        "content-type": b"application/json",
        "traceparent": b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "tracestate": b"ltc=1",
    }


def test_envelope_round_trip_keeps_every_value() -> None:
    bare = replace(ENVELOPE, causation_id=None, traceparent=None, tracestate=None)

    assert Envelope.from_headers(ENVELOPE.to_headers()) == ENVELOPE
    assert Envelope.from_headers(bare.to_headers()) == bare


def test_envelope_writes_times_in_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    envelope = replace(ENVELOPE, time=datetime(2026, 3, 2, 8, tzinfo=shanghai))

    assert dict(envelope.to_headers())["ce_time"] == b"2026-03-02T00:00:00Z"


@pytest.mark.parametrize(
    "name",
    [
        "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_sequence",
        "ce_correlationid",
    ],
)  # fmt: skip
@pytest.mark.parametrize("value", [None, b""])
def test_envelope_names_a_missing_header(name: str, value: bytes | None) -> None:
    with pytest.raises(MalformedEnvelope, match=f"{name} is missing"):
        Envelope.from_headers(headers(**{name: value}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_id", b"42"),
        ("ce_id", b"\xff"),
        ("ce_source", b"\xff"),
        ("ce_type", b"\xff"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-02T08:00:00"),
        ("ce_sequence", b"-1"),
        ("ce_sequence", "٣".encode()),
        ("ce_sequence", b"1" * 21),
        ("ce_correlationid", b"journey"),
        ("ce_causationid", b"cause"),
        ("ce_time", b"0001-01-01T00:00:00+14:00"),
        ("ce_time", b"9999-12-31T23:59:59-14:00"),
        ("ce_sequence", b"9" * 20),
        ("ce_subject", b"a\0b"),
        ("ce_subject", b"s" * 501),
    ],
)
def test_envelope_names_an_unreadable_header(name: str, value: bytes) -> None:
    with pytest.raises(MalformedEnvelope, match=name):
        Envelope.from_headers(headers(**{name: value}))


def test_envelope_ignores_foreign_headers() -> None:
    foreign: list[tuple[str, bytes | None]] = [
        *ENVELOPE.to_headers(),
        ("x-other", None),
    ]

    assert Envelope.from_headers(foreign) == ENVELOPE


def test_envelope_type_is_readable_without_the_other_headers() -> None:
    assert peek_type(headers(ce_id=b"\xff")) == "ltc.deal.won.v1"
    assert peek_type(headers(ce_type=None)) is None
    assert peek_type([]) is None
