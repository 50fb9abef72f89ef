"""``ltc can-i-deploy``: each answer with its sentence and exit code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from contracts.catalog import STAGES
from contracts.deployable import read
from ltc.deployments import KEPT, record, version_in_tree
from ltc.main import app

SERVICES = (*(f"{stage}-svc" for stage in STAGES), "console", "hub")
ACCEPTED = "ltc.quote.accepted.v1"


def ltc(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments))
    return done.exit_code, done.output.strip()


@pytest.fixture(scope="module")
def this_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The record of a prod in which this checkout runs."""
    folder = tmp_path_factory.mktemp("records")
    for service in SERVICES:
        record(folder, service, version_in_tree(service), "prod")
    return folder


@pytest.fixture
def prod(this_tree: Path, tmp_path: Path) -> Path:
    """The same, to be amended."""
    shutil.copy(this_tree / "prod.json", tmp_path)
    return tmp_path


def can(folder: Path, *arguments: str) -> tuple[int, str]:
    return ltc("can-i-deploy", *arguments, "--to", "prod", "--records", str(folder))


def amend(folder: Path, service: str, edit: Callable[[dict[str, Any]], Any]) -> None:
    """Let another version than this checkout's run in prod."""
    file = folder / "prod.json"
    environment = json.loads(file.read_text(encoding="utf-8"))
    [version] = [v for v in environment["versions"] if v["service"] == service]
    edit(version)
    file.write_text(json.dumps(environment), encoding="utf-8")


@pytest.mark.parametrize("service", SERVICES)
def test_can_i_deploy_accepts_a_compatible_version(prod: Path, service: str) -> None:
    code, said = can(prod, service)

    assert code == 0
    assert said.startswith(f"Yes: {service} {version_in_tree(service)} can go to prod: all ")


def test_can_i_deploy_names_a_field_that_a_consumer_reads_and_the_version_lacks(prod: Path) -> None:
    need = "/quote_colour"
    amend(prod, "contract-svc", lambda v: v["needs"][ACCEPTED]["reads"].append(need))

    code, said = can(prod, "quote-svc")

    assert (code, said) == (
        1,
        f"No: quote-svc 0.1.0 must not go to prod: contract-svc needs {need} of {ACCEPTED},"
        " which is not said.",
    )
    assert can(prod, "lead-svc")[0] == 0, "what lead-svc says has nothing to do with it"
    assert can(prod, "quote-svc", "--with", "contract-svc")[0] == 0, "its new version needs it not"


def test_can_i_deploy_names_an_event_that_no_deployed_producer_publishes(prod: Path) -> None:
    amend(prod, "deal-svc", lambda v: v["says"].pop("ltc.deal.reopened.v1"))

    code, said = can(prod, "quote-svc")

    assert code == 1
    assert said.endswith("quote-svc needs ltc.deal.reopened.v1, which nobody in prod says yet.")
    assert can(prod, "quote-svc", "--with", "deal-svc")[0] == 0


def test_can_i_deploy_names_a_field_that_the_deployed_producer_lacks(prod: Path) -> None:
    amend(prod, "deal-svc", lambda v: v["says"]["ltc.deal.lost.v1"].pop("/reason"))

    code, said = can(prod, "quote-svc")

    assert code == 1
    assert "quote-svc needs /reason of ltc.deal.lost.v1, which is not said" in said


def test_can_i_deploy_names_consumers_of_a_removed_event(prod: Path) -> None:
    old = "ltc.quote.promised.v1"
    amend(prod, "quote-svc", lambda v: v["says"].update({old: {"/quote_id": {}}}))
    amend(prod, "deal-svc", lambda v: v["needs"].update({old: {"reads": ["/quote_id"]}}))

    code, said = can(prod, "quote-svc")

    assert code == 1
    assert f"deal-svc needs {old}, which quote-svc 0.1.0 no longer says" in said


def test_can_i_deploy_names_nulls_and_values_that_a_consumer_refuses(prod: Path) -> None:
    def strict(version: dict[str, Any]) -> None:
        need = version["needs"]["ltc.contract.signed.v1"]
        need["null"]["/prepayment"] = "never"
        need["values"]["/lines/*/kind"] = ["goods", "service"]

    amend(prod, "order-svc", strict)
    code, said = ltc(
        "can-i-deploy", "contract-svc", "--to", "prod", "--records", str(prod), "--json"
    )

    told = [o["detail"] for o in json.loads(said)["obstacles"]]
    assert code == 1
    assert told == [
        "which may be null, and it counts on a value",
        "which may say digital; it cannot handle that",
    ]


def test_can_i_deploy_includes_external_consumers(
    prod: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from contracts.needs import Hearer
    from ltc import deployments

    erp = Hearer.model_validate(
        {
            "consumer": "erp", "contact": "erp@example.com", "runs_in": ["prod"], "headers": [],
            "needs": {"ltc.invoice.issued.v1": {"reads": ["/cost_centre"]}},
        }
    )  # fmt: skip
    known = deployments.hearers()
    monkeypatch.setattr(deployments, "hearers", lambda: {**known, "erp": erp})

    code, said = can(prod, "billing-svc")

    assert code == 1
    assert "erp needs /cost_centre of ltc.invoice.issued.v1, which is not said" in said


def test_can_i_deploy_reports_unknown_versions_and_environments(prod: Path) -> None:
    code, said = can(prod, "quote-svc", "--version", "9.9.9")
    assert code == 2
    assert said == (
        "quote-svc 9.9.9 is unknown: this checkout holds 0.1.0, and no environment has run 9.9.9."
    )

    code, said = ltc("can-i-deploy", "quote-svc", "--to", "mars", "--records", str(prod))
    assert (code, said.split(" (")[0]) == (2, "Nothing is recorded of mars")

    assert can(prod, "cake-svc") == (2, "cake-svc is no service of this checkout.")
    assert ltc("deployed", "quote-svc", "9.9.9", "--to", "prod", "--records", str(prod))[0] == 2


def test_can_i_deploy_answers_for_an_earlier_version(prod: Path) -> None:
    def older(version: dict[str, Any]) -> None:
        version["version"] = "0.0.9"
        version["says"][ACCEPTED].pop("/deal_number")

    amend(prod, "quote-svc", older)
    said = ltc("deployed", "quote-svc", "0.1.0", "--to", "prod", "--records", str(prod))[1]
    assert said.startswith("quote-svc 0.1.0 runs in prod: ")

    code, said = can(prod, "quote-svc", "--version", "0.0.9")

    assert code == 1
    assert f"contract-svc needs /deal_number of {ACCEPTED}" in said


def test_deployment_record_keeps_the_versions_that_a_rollback_needs(prod: Path) -> None:
    for n in range(KEPT + 2):
        amend_version = f"0.0.{n}"
        file = prod / "prod.json"
        environment = json.loads(file.read_text(encoding="utf-8"))
        [mine] = [v for v in environment["versions"] if v["service"] == "quote-svc"][-1:]
        environment["versions"].insert(0, {**mine, "version": amend_version})
        file.write_text(json.dumps(environment), encoding="utf-8")

    record(prod, "quote-svc", "0.1.0", "prod")

    environment_now = read(prod, "prod")
    assert environment_now is not None
    assert [v.service for v in environment_now.versions].count("quote-svc") == KEPT
    assert environment_now.running["quote-svc"] == "0.1.0"
