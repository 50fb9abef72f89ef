"""Spans from services over the collector to console and tracing backend."""

from __future__ import annotations

import importlib
import json
from collections import defaultdict
from urllib.parse import urlsplit

import pytest

from ltc.programs import package_of
from ltc.settings import PROJECT, STAGES
from testkit.polling import eventually
from tests.observability.backend import Seen
from tests.observability.collector import CONFIGS
from tests.observability.watched import NAMES, SPANS, Ride, Watched

JOURNEYS = 24
SETTLED = "ltc.journey.settled.v1"
EXPORTERS = ("otlphttp/jaeger", "otlphttp/console")


@pytest.fixture(scope="module")
def ride(watched: Watched) -> Ride:
    return watched.ride(JOURNEYS)


@pytest.fixture(scope="module")
def spans(watched: Watched, ride: Ride) -> list[Seen]:
    """All spans, once nothing is on its way any more."""

    def counted() -> list[int]:
        return [
            watched.collector.accepted(),
            *(watched.collector.sent(exporter) for exporter in EXPORTERS),
            watched.stored(),
            len(watched.backend.spans()),
            watched.measured(SPANS[0]),
        ]

    def complete(numbers: list[int]) -> bool:
        settled = {span.journey for span in watched.backend.spans() if span.event_type == SETTLED}
        return len(set(numbers)) == 1 and set(ride.journeys) <= settled

    numbers = eventually(counted, complete, what="accepted = exported = stored")
    print(f"spans: {numbers[0]} accepted, exported to each of two, stored")  # noqa: T201
    return watched.backend.spans()


def test_collector_exports_accepted_spans_once(watched: Watched, spans: list[Seen]) -> None:
    stored = {(row[0], row[1]) for row in watched.rows("SELECT trace_id, span_id FROM span")}

    assert len(stored) == len(spans)
    assert stored == {(span.trace_id, span.span_id) for span in spans}


def test_trace_of_each_journey_has_spans_of_six_services(ride: Ride, spans: list[Seen]) -> None:
    services = defaultdict(set)
    for span in spans:
        services[span.journey].add(span.service)

    stages = {f"{stage}-svc" for stage in STAGES}
    assert {j: stages - services[j] for j in ride.journeys if not stages <= services[j]} == {}


def test_trace_span_links_to_the_page_of_its_journey(
    watched: Watched, ride: Ride, spans: list[Seen]
) -> None:
    """The link is filled in as Jaeger does it."""
    [link] = json.loads((CONFIGS / "jaeger" / "ui.json").read_text("utf-8"))["linkPatterns"]
    key = link["key"]
    journeys = {span.attributes[key] for span in spans if key in span.attributes}
    paths = {j: urlsplit(link["url"].replace(f"#{{{key}}}", j)).path for j in journeys}

    assert link["type"] == "tags"
    assert [paths.get(journey) for journey in ride.journeys] == [
        f"/app/j/{journey}" for journey in ride.journeys
    ]
    assert watched.cast.oncall.journey(ride.journeys[0])["journey_id"] == ride.journeys[0]


def test_trace_has_no_orphaned_span(spans: list[Seen]) -> None:
    there = {(span.trace_id, span.span_id) for span in spans}

    assert [s for s in spans if s.parent_id and (s.trace_id, s.parent_id) not in there] == []


def test_trace_process_span_has_its_creation_as_parent_and_links_to_its_batch(
    spans: list[Seen],
) -> None:
    by_id = {span.span_id: span for span in spans}
    handled = [span for span in spans if span.name.startswith("process ")]
    assert len(handled) > 6 * JOURNEYS
    polled = defaultdict(set)  # the creations of a large batch are shared out to several spans
    for span in spans:
        if span.name == "poll":
            polled[span.trace_id] |= set(span.links)

    for span in handled:
        topic = span.attributes["messaging.destination.name"]
        creation, batch = (by_id[link] for link in span.links)
        assert span.parent_id == creation.span_id
        assert (creation.name, creation.trace_id) == (f"create {topic}", span.trace_id)
        assert creation.journey == span.journey
        assert (batch.name, batch.service) == ("poll", span.service)
        assert creation.span_id in polled[batch.trace_id]


def test_trace_send_span_links_to_every_event_of_its_batch(spans: list[Seen]) -> None:
    created = {span.span_id for span in spans if span.name.startswith("create ")}
    sent = {link for span in spans if span.name.startswith("send") for link in span.links}

    assert created
    assert created == sent


def test_trace_span_names_service_version_and_instance(
    spans: list[Seen],
) -> None:
    said = {
        tuple(span.resource[f"service.{what}"] for what in ("name", "version", "instance.id"))
        for span in spans
    }
    expected = {
        (
            importlib.import_module(f"{package_of(name)}.main").service.name,
            importlib.import_module(package_of(name)).__version__,
            name,
        )
        for name in NAMES
    }

    assert said == expected


def test_observability_page_names_every_span_attribute(spans: list[Seen]) -> None:
    page = (PROJECT / "docs" / "observability.md").read_text(encoding="utf-8")

    assert {key for span in spans for key in span.attributes if f"`{key}`" not in page} == set()
