"""A collector that is down or slow costs spans and nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from ltc.settings import STAGES
from testkit.polling import eventually
from testkit.tcp_proxy import Wire
from tests.observability.watched import WIRE, Ride, Watched

JOURNEYS = 60
MOST_MIB = 256
"""DESIGN §9: what a service may hold under load."""


@pytest.fixture(scope="module")
def usual(watched: Watched) -> Ride:
    """With a collector that is well. The first ride warms everything up."""
    watched.ride(JOURNEYS)
    return watched.ride(JOURNEYS)


@contextmanager
def stopped(watched: Watched) -> Iterator[None]:
    """The process is gone."""
    watched.collector.stop()
    watched.network.do([WIRE], Wire.cut)
    try:
        yield
    finally:
        watched.collector.start()
        watched.network.do([WIRE], Wire.heal)


@contextmanager
def stalled(watched: Watched) -> Iterator[None]:
    """So slow that each sender gives up waiting for its answer."""
    watched.network.do([WIRE], lambda wire: wire.hold("up", "down"))
    try:
        yield
    finally:
        watched.network.do([WIRE], Wire.heal)


@pytest.mark.parametrize("fault", [stopped, stalled])
def test_collector_outage_stops_no_journey_and_counts_lost_spans(
    watched: Watched, usual: Ride, fault: Callable[[Watched], AbstractContextManager[None]]
) -> None:
    before = watched.spans_lost()
    with fault(watched):
        ride = watched.ride(JOURNEYS)  # returns once every journey has been settled
        eventually(watched.spans_lost, lambda n: n > before, what="spans lost")
        memory = watched.memory_mib()

    print(  # noqa: T201
        f"journeys/s {ride.per_s:.1f} ({ride.per_s / usual.per_s:.2f} of the usual),"
        f" median {ride.median_s * 1000:.0f} ms ({ride.median_s / usual.median_s:.2f}),"
        f" spans lost {watched.spans_lost() - before},"
        f" largest service {max(memory.values()):.0f} MiB"
    )
    assert max(memory.values()) < MOST_MIB, memory
    assert_spans_arrive_again(watched)


def assert_spans_arrive_again(watched: Watched) -> None:
    began = time.monotonic()
    journey = watched.ride(1).journeys[0]

    def services() -> set[str]:
        return {span.service for span in watched.backend.spans() if span.journey == journey}

    stages = {f"{stage}-svc" for stage in STAGES}
    eventually(services, lambda found: stages <= found, what="spans of all six")
    print(f"spans again after {time.monotonic() - began:.1f} s")  # noqa: T201
