"""lead-svc on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from lead_svc.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _lead_svc() -> AsyncIterator[Harness]:
    async with harness(service, "lead_svc") as under_test:
        yield under_test


@pytest.fixture
async def lead_svc(_lead_svc: Harness) -> Harness:
    await _lead_svc.empty()
    return _lead_svc
