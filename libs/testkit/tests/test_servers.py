"""The choice of servers for tests: stated in advance, without a silent fallback."""

from __future__ import annotations

from typing import Any

import pytest

from local_infra.errors import MissingPrerequisite
from testkit import servers


@pytest.fixture(autouse=True)
def nothing_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEST_DATABASE_URL", "TEST_KAFKA_BOOTSTRAP", "LTC_TEST_CONTAINERS"):
        monkeypatch.delenv(name, raising=False)


def test_infrastructure_choice_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    assert servers.infrastructure() == "PostgreSQL embedded, Kafka embedded"
    monkeypatch.setenv("LTC_TEST_CONTAINERS", "1")
    monkeypatch.setenv("TEST_KAFKA_BOOTSTRAP", "127.0.0.1:9092")
    assert servers.infrastructure() == "PostgreSQL in a container, Kafka from TEST_KAFKA_BOOTSTRAP"


@pytest.mark.parametrize("server", [servers.postgres_admin_dsn, servers.kafka_bootstrap])
def test_infrastructure_containers_without_an_engine_are_an_error(
    monkeypatch: pytest.MonkeyPatch, server: Any
) -> None:
    monkeypatch.setenv("LTC_TEST_CONTAINERS", "1")
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    with pytest.raises(MissingPrerequisite, match="container engine"):
        server.__wrapped__()
