"""contract-svc on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from contract_svc.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _contract_svc() -> AsyncIterator[Harness]:
    async with harness(service, "contract_svc") as under_test:
        yield under_test


@pytest.fixture
async def contract_svc(_contract_svc: Harness) -> Harness:
    await _contract_svc.empty()
    return _contract_svc
