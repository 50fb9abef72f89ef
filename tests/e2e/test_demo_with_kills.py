"""The demo's figures are the same when its processes are killed while it runs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator

import pytest

from testkit.installation.supervised import SupervisedInstallation, supervised_installation

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]

EXPECTED = {
    "rows": 258,
    "accepted": 240,
    "duplicates": 12,
    "refused": 6,
    "journeys_settled": 203,
    "journeys_waiting": 237,
    "ledger_balance": "0.00",
    "invariants_violated": 0,
}


@pytest.fixture
def own_house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SupervisedInstallation]:
    """An installation that nobody else is in: what the demo counts is all there is."""
    with supervised_installation(tmp_path_factory.mktemp("demo")) as house:
        yield house


def test_demo_figures_survive_kills_of_services_kafka_and_postgres(
    own_house: SupervisedInstallation,
) -> None:
    killed: list[str] = []

    def fire() -> None:
        for name, after_s in (
            ("billing", 1.0),
            ("lead", 3.0),
            ("kafka", 4.0),
            ("quote", 4.0),
            ("postgres", 8.0),
            ("contract", 5.0),
            ("order", 3.0),
            ("deal", 3.0),
            ("console", 3.0),
        ):
            time.sleep(after_s)
            own_house.kill(name)
            killed.append(name)

    shooting = threading.Thread(target=fire)
    shooting.start()
    played = own_house.run("demo", "--running")
    shooting.join()

    assert played.returncode == 0, played.stdout[-3000:] + played.stderr[-3000:]
    figures = json.loads((own_house.home / "demo.json").read_text())
    assert {name: figures[name] for name in EXPECTED} == EXPECTED, played.stdout[-3000:]
    assert figures["contracted"] == figures["invoiced"] == figures["paid"]
    assert len(killed) == 9
