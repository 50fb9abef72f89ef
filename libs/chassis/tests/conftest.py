"""The chassis's own test service on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import box_service
import pytest

from testkit.harness import Harness


@pytest.fixture(scope="session")
async def _box_svc() -> AsyncIterator[Harness]:
    async with box_service.on_database(box_service.service) as under_test:
        yield under_test


@pytest.fixture
async def box_svc(_box_svc: Harness) -> Harness:
    await _box_svc.empty()
    return _box_svc
