"""The catalogue names exactly the services that consume each event."""

from __future__ import annotations

import importlib

from contracts.catalog import CATALOG, STAGES


def test_catalogue_consumers_match_the_subscriptions() -> None:
    hearing: dict[str, set[str]] = {name: set() for name in CATALOG}
    for stage in STAGES:
        consumer = importlib.import_module(f"{stage}_svc.consumers").consumer
        for name in consumer.subscriptions:
            hearing[name].add(stage)

    assert {name: set(entry.hearers) for name, entry in CATALOG.items()} == hearing
