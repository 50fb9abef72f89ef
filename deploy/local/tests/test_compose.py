"""The compose file, as far as it can be checked without an engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from chassis.metrics import Metrics

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
STAGES = ("lead", "deal", "quote", "contract", "order", "billing")


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_every_image_can_be_replaced_by_a_variable(name: str) -> None:
    assert COMPOSE["services"][name]["image"].startswith("${LTC_")


@pytest.mark.parametrize("stage", STAGES)
def test_a_service_gets_its_own_database_and_role(stage: str) -> None:
    service = COMPOSE["services"][f"{stage}-svc"]

    assert service["environment"]["LTC_SERVICE_PACKAGE"] == f"{stage}_svc"
    assert f"//{stage}:" in service["environment"]["LTC_DATABASE_URL"]
    assert service["environment"]["LTC_DATABASE_URL"].endswith(f"@postgres/{stage}")
    assert service["read_only"] is True


def test_files_that_are_mounted_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]

    assert mounted
    assert [path for path in mounted if not (ROOT / path).exists()] == []


def test_the_dashboard_asks_for_metrics_that_there_are() -> None:
    metrics = Metrics("test", instance="1")
    metrics.outbox_state(1, 1.0)
    metrics.lag(1, 1.0)
    metrics.parked_state(1, 1, 1, 1.0)
    metrics.gates_state(1, 1)
    metrics.relayed(1, 0)
    metrics.batch_consumed("ltc.lead.v1", 1, 0.1)
    rendered = metrics.render().decode()
    folder = ROOT / "deploy" / "observability" / "grafana" / "dashboards"
    dashboard = json.loads((folder / "ltc.json").read_text(encoding="utf-8"))
    wanted = {
        word
        for panel in dashboard["panels"]
        for word in panel["targets"][0]["expr"]
        .replace("(", " ")
        .replace("[", " ")
        .replace(")", " ")
        .split()
        if word.startswith(("ltc_", "messaging_"))
    }

    assert {name for name in wanted if f"\n{name}" not in rendered} == set()
