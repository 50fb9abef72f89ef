"""the hub on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hub.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _hub_svc() -> AsyncIterator[Harness]:
    async with harness(service, "hub") as under_test:
        yield under_test


@pytest.fixture
async def hub_svc(_hub_svc: Harness) -> Harness:
    await _hub_svc.empty()
    return _hub_svc
