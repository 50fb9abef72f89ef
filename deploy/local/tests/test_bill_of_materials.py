"""Bills of materials list exactly the installed packages with their versions."""

from __future__ import annotations

import json
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from local_infra import bill_of_materials
from local_infra.bill_of_materials import ROOT, SHIPPED, Bill, image, locked, workspace
from local_infra.containers import FILE, OURS
from local_infra.errors import CannotStart

MADE_WITH_PYTHON = {"pip", "setuptools"}
"""What `python -m venv` brings, depending on its version."""


@pytest.fixture(scope="module")
def everything() -> Bill:
    return workspace()


def packages(bill: Bill) -> dict[str, str]:
    return {canonicalize_name(c["name"]): c["version"] for c in bill["components"]}


def test_bill_of_the_workspace_matches_installation_and_lock(everything: Bill) -> None:
    installed = {canonicalize_name(d.name): d.version for d in distributions()}
    third_parties = {n: v for n, v in installed.items() if not n.startswith("ltc-")}

    assert packages(everything) == installed
    assert locked(ROOT / "requirements.lock").items() <= third_parties.items()
    assert third_parties.keys() - locked(ROOT / "requirements.lock") <= MADE_WITH_PYTHON


def test_bill_exists_for_every_own_image() -> None:
    made = {FILE[name]["image"].partition(":-ltc/")[2].rstrip("}") for name in OURS}

    assert made == SHIPPED.keys()


@pytest.mark.parametrize("name", SHIPPED)
def test_bill_of_an_image_is_consistent(everything: Bill, name: str) -> None:
    bill = image(name, everything)
    refs = {component["bom-ref"] for component in bill["components"]}
    nodes = {node["ref"]: node["dependsOn"] for node in bill["dependencies"]}

    assert nodes.keys() == refs | {f"image:{name}"}
    assert {needed for needs in nodes.values() for needed in needs} <= refs
    assert SHIPPED[name] in packages(bill)
    assert not {"pytest", "hatchling", "pip", "setuptools"} & packages(bill).keys()
    assert len({n for n in packages(bill) if n.startswith("ltc-")}) == 2 + (name != "chassis")
    assert "file://" not in json.dumps(bill)


def test_bills_are_valid_cyclonedx(everything: Bill) -> None:
    validator = JsonStrictValidator(SchemaVersion.from_version(everything["specVersion"]))

    bill = image("quote-svc", everything)

    assert validator.validate_str(json.dumps(bill)) is None
    assert validator.validate_str(json.dumps({**bill, "components": "all"})) is not None


def test_bill_is_refused_for_an_environment_of_another_lock(
    everything: Bill, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = tmp_path / "service.lock"
    text: Any = bill_of_materials.LOCK.read_text(encoding="utf-8")
    version = locked(bill_of_materials.LOCK)["fastapi"]
    other.write_text(text.replace(f"fastapi=={version}", "fastapi==0.1.0"), encoding="utf-8")
    monkeypatch.setattr(bill_of_materials, "LOCK", other)

    with pytest.raises(CannotStart, match=rf"fastapi is {version} here and 0\.1\.0 in the image"):
        image("quote-svc", everything)
