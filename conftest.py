"""What every test of the workspace starts from."""

from __future__ import annotations

import logging

import pytest
from hypothesis import HealthCheck, settings

import console  # noqa: F401 - the package, before a test folder of that name is taken for it
import hub  # noqa: F401 - the same
from chassis import due
from hub import wake
from testkit.servers import infrastructure, share_fork_server, wants_containers

share_fork_server()
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

pytest_plugins = (
    "tests.evidence",
    "testkit.proofs.plugin",
    "testkit.cost",
    "testkit.shared_installation",
    "testkit.secured_kafka",
)


def pytest_report_header() -> list[str]:
    """Say on which servers this run's verdict rests."""
    where = "in containers" if wants_containers() else "embedded"
    return [
        f"infrastructure: {infrastructure()}",
        f"stories: installations that `ltc up` starts, PostgreSQL and Kafka {where}",
    ]


@pytest.fixture(autouse=True, scope="session")
def quiet_libraries() -> None:
    """Client libraries log every refused connection that a test provokes."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@pytest.fixture(autouse=True, scope="session")
def short_intervals() -> None:
    """Services in the test's process look for due work ten times a second. A test that writes due
    work into the database would otherwise wait a second for each step."""
    due.LOOK_S = due.LOOK_AGAIN_S = wake.REST_S = 0.1
