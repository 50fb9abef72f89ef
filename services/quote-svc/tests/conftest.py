"""quote-svc on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from quote_svc.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _quote_svc() -> AsyncIterator[Harness]:
    async with harness(service, "quote_svc") as under_test:
        yield under_test


@pytest.fixture
async def quote_svc(_quote_svc: Harness) -> Harness:
    await _quote_svc.empty()
    return _quote_svc
