"""the console on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from console.main import service
from testkit.harness import Harness, harness


@pytest.fixture(scope="session")
async def _console_svc() -> AsyncIterator[Harness]:
    async with harness(service, "console") as under_test:
        yield under_test


@pytest.fixture
async def console_svc(_console_svc: Harness) -> Harness:
    await _console_svc.empty()
    return _console_svc
