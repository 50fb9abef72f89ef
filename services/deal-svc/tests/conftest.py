"""deal-svc on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from deal_svc.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _deal_svc() -> AsyncIterator[Harness]:
    async with harness(service, "deal_svc") as under_test:
        yield under_test


@pytest.fixture
async def deal_svc(_deal_svc: Harness) -> Harness:
    await _deal_svc.empty()
    return _deal_svc
