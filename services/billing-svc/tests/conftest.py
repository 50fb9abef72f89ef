"""billing-svc on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from billing_svc.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _billing_svc() -> AsyncIterator[Harness]:
    async with harness(service, "billing_svc") as under_test:
        yield under_test


@pytest.fixture
async def billing_svc(_billing_svc: Harness) -> Harness:
    await _billing_svc.empty()
    return _billing_svc
