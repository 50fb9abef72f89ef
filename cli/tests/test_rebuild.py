"""``ltc rebuild``: which records it takes for the service's own events."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from chassis.delivery import RawRecord
from contracts.order import OrderPlaced
from contracts.samples import sample
from ltc.rebuild.own import OwnFacts, _forgotten
from testkit.harness import as_record


def said(**changes: Any) -> RawRecord:
    """A record of order.placed on its topic, as order-svc says it."""
    record = as_record(sample(OrderPlaced))
    headers = [
        (name, b"/ltc/order-svc" if name == "ce_source" else value)
        for name, value in record.headers
    ]
    return replace(record, **{"headers": headers, **changes})


def test_rebuild_reads_back_an_own_event_that_the_database_lacks() -> None:
    forgotten = _forgotten(said(), set())

    assert forgotten is not None
    assert forgotten.number.startswith("O-")


def test_rebuild_skips_a_known_event() -> None:
    record = said()
    forgotten = _forgotten(record, set())

    assert forgotten is not None
    assert _forgotten(record, {forgotten.envelope.id}) is None


@pytest.mark.parametrize(
    "record",
    [
        said(value=b'{"order_id": "'),
        said(value=b"{}"),
        said(value=b"[]"),
        said(value=None),
        said(headers=[]),
        as_record(sample(OrderPlaced)),
    ],
    ids=["half", "empty", "a list", "null", "no headers", "another's"],
)
def test_rebuild_ignores_records_of_other_producers(record: RawRecord) -> None:
    assert _forgotten(record, set()) is None


def test_rebuild_recovers_document_numbers_by_their_cause() -> None:
    own = OwnFacts()
    forgotten = _forgotten(said(), set())
    assert forgotten is not None
    own.add(forgotten)

    series, highest = next(iter(own.highest().items()))

    assert series == "O"
    assert highest == int(forgotten.number.rpartition("-")[2])
