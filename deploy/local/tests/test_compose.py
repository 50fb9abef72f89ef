"""The compose file, as far as it can be checked without a container engine."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from chassis.settings import VARIABLES

ROOT = Path(__file__).resolve().parents[3]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
STAGES = ("lead", "deal", "quote", "contract", "order", "billing")


@pytest.mark.parametrize("name", COMPOSE["services"])
def test_compose_image_is_replaceable_by_a_variable(name: str) -> None:
    assert COMPOSE["services"][name]["image"].startswith("${LTC_")


@pytest.mark.parametrize("stage", STAGES)
def test_compose_service_has_its_own_database_role_and_image(stage: str) -> None:
    service, step = COMPOSE["services"][f"{stage}-svc"], COMPOSE["services"][f"{stage}-migrate"]

    assert service["command"] == [f"{stage}-svc", "serve"]
    assert step["command"] == [f"{stage}-svc", "migrate"]
    assert service["build"] == step["build"]
    assert service["build"]["args"] == {"SOURCE": f"services/{stage}-svc"}
    owner = step["environment"].pop("LTC_DATABASE_OWNER_URL")
    assert service["environment"] == step["environment"]
    assert f"//{stage}:" in owner
    assert f"//{stage}_runtime:" in service["environment"]["LTC_DATABASE_URL"]
    for url in (owner, service["environment"]["LTC_DATABASE_URL"]):
        assert url.endswith(f"@postgres/{stage}")


@pytest.mark.parametrize("stage", STAGES)
def test_compose_service_depends_on_infrastructure_only(stage: str) -> None:
    wanted = {f"{stage}-svc"}
    while (
        more := {d for n in wanted for d in COMPOSE["services"][n].get("depends_on", {})} - wanted
    ):
        wanted |= more

    infrastructure = {"postgres", "kafka", "topics", "issuer"}
    assert wanted == {f"{stage}-svc", f"{stage}-migrate"} | infrastructure


def test_compose_own_images_have_a_read_only_root_and_no_capabilities() -> None:
    ours = [service for service in COMPOSE["services"].values() if "build" in service]

    assert len(ours) == 18
    for service in ours:
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_compose_variables_are_settings_of_the_service() -> None:
    given = {name for s in STAGES for name in COMPOSE["services"][f"{s}-svc"]["environment"]}

    assert given - VARIABLES == set()


def test_compose_mounted_files_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for service in COMPOSE["services"].values()
        for volume in service.get("volumes", [])
        if volume.startswith("./")
    ]

    assert mounted
    assert [path for path in mounted if not (ROOT / path).exists()] == []
