"""The services of all security tests, made once."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from testkit.harness import Harness
from tests.security.apps import served


@pytest.fixture(scope="package")
async def services() -> AsyncIterator[dict[str, Harness]]:
    async with served() as found:
        yield found
