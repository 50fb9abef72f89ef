"""order-svc on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from order_svc.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _order_svc() -> AsyncIterator[Harness]:
    async with harness(service, "order_svc") as under_test:
        yield under_test


@pytest.fixture
async def order_svc(_order_svc: Harness) -> Harness:
    await _order_svc.empty()
    return _order_svc
