"""Every query of every dashboard, on a real Prometheus that scraped real load."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from testkit.polling import eventually
from tests.observability.collector import CONFIGS
from tests.observability.monitoring import Monitoring
from tests.observability.test_runbook import CONSOLE as PAGES
from tests.observability.watched import NAMES, Watched

FOLDER = CONFIGS / "grafana" / "dashboards"
LABEL_VALUES = re.compile(r"label_values\((?P<series>.+), (?P<label>\w+)\)")
RULES = yaml.safe_load((CONFIGS / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
ONLY_IN_TROUBLE = {
    "ltc_relay_errors_total": "counted first when publishing fails",
    "ltc_consumer_batch_failures_total": "counted first when a batch fails",
    "ltc_gate_late": "told while a gate is past its time",
    "otel_sdk_processor_span_processed_total": "of which the failed ones",
}
GROUPING = re.compile(r"\b(?:by|on|ignoring|without) \([^)]*\)")
METRIC = re.compile(r"\b(?:ltc|otel|otelcol|http|messaging|db)_[a-z_]+\b(?=[{\[ )]|$)")


def dashboards() -> Iterator[tuple[str, dict[str, Any]]]:
    for file in sorted(FOLDER.glob("*.json")):
        yield file.stem, json.loads(file.read_text(encoding="utf-8"))


def queries() -> Iterator[Any]:
    for name, board in dashboards():
        for panel in board["panels"]:
            for target in panel["targets"]:
                about = f"{name}: {panel['title']} {target['refId']}"
                yield pytest.param(target["expr"], id=about)


def variables() -> Iterator[Any]:
    for name, board in dashboards():
        asked = (v for v in board["templating"]["list"] if v["type"] == "query")
        for variable in asked:
            yield pytest.param(variable["query"]["query"], id=f"{name}: {variable['name']}")


@pytest.fixture(scope="module")
def after_load(watched: Watched, monitoring: Monitoring) -> Monitoring:
    """Prometheus has scraped every target more than once while journeys went through."""
    for _ in range(2):
        watched.ride(20)
        done = time.time()
        eventually(
            monitoring.all_scraped_at,
            lambda scraped, done=done: scraped > done,
            what="another scrape of every service",
        )
    return monitoring


@pytest.mark.parametrize("expression", list(queries()))
def test_dashboard_panels_all_show_data(expression: str, after_load: Monitoring) -> None:
    asked = expression.replace("$service", ".+").replace("$__range", "5m")
    assert "$" not in asked, "a variable that this test does not know"

    assert after_load.query(asked) != []


@pytest.mark.parametrize("query", list(variables()))
def test_dashboard_variables_all_have_values(query: str, after_load: Monitoring) -> None:
    asked = LABEL_VALUES.fullmatch(query)
    assert asked

    assert len(after_load.label_values(asked["label"], asked["series"])) == len(NAMES)


def test_alert_rules_use_existing_metrics(after_load: Monitoring) -> None:
    asked = {
        metric
        for group in RULES["groups"]
        for rule in group["rules"]
        for metric in METRIC.findall(
            GROUPING.sub(" ", rule["expr"]).replace('"', " ").replace("|", " ")
        )
    }
    there = set(after_load.label_values("__name__", '{job="ltc"}'))

    assert len(asked) > len(ONLY_IN_TROUBLE)
    assert asked - there - ONLY_IN_TROUBLE.keys() == set()


def test_dashboard_links_lead_to_console_pages() -> None:
    for name, board in dashboards():
        links = [*board["links"], *(link for p in board["panels"] for link in p.get("links", ()))]
        assert {v["name"] for v in board["templating"]["list"]} >= {"console"}
        assert links
        for link in links:
            base, path, rest = link["url"].partition("/app/")
            assert base == "${console}", name
            assert path + rest in PAGES, link["url"]


def test_dashboard_provisioning_finds_dashboards_and_data_source() -> None:
    provisioning = FOLDER.parent / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())
    uids = {source["uid"] for source in source["datasources"]}
    boards = dict(dashboards())
    used = {
        t["datasource"]["uid"] for b in boards.values() for p in b["panels"] for t in p["targets"]
    }

    assert len({board["uid"] for board in boards.values()}) == len(boards) == 2
    assert used == uids
