"""One journey told in full: a realistic sample of every fact, with every field filled.

Golden fixtures are written from these once per type and never edited; tests borrow them freely.
"""

from __future__ import annotations

from typing import Final, TypeVar, cast

from contracts.catalog import producer
from contracts.envelope import Envelope
from contracts.event import Event
from contracts.ids import derived_id
from contracts.samples.agreement import AGREEMENT
from contracts.samples.cash import CASH
from contracts.samples.parts import JOURNEY, at
from contracts.samples.selling import SELLING
from contracts.samples.waits import WAITS

E = TypeVar("E", bound=Event)

SAMPLES: Final[dict[type[Event], Event]] = {
    type(fact): fact for fact in (*SELLING, *AGREEMENT, *CASH, *WAITS)
}


def sample(fact: type[E]) -> E:
    """A complete, realistic fact of this class; always the same one."""
    return cast(E, SAMPLES[fact])


def sample_envelope(fact: Event) -> Envelope:
    """The envelope a sample travels in; always the same one."""
    event_id = derived_id(JOURNEY, fact.name)
    return Envelope(
        id=event_id,
        type=fact.name,
        source=f"/ltc/{producer(type(fact))}-svc",
        subject=str(fact.key_value()),
        time=at(12),
        sequence=3,
        journey_id=JOURNEY,
        causation_id=derived_id(event_id, "cause"),
        traceparent="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        tracestate="ltc=1",
        partition_key=str(fact.key_value()),
    )
