"""The hub with leave to call receivers on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from testkit.harness import Harness
from testkit.webhook_receiver import Receiver, receiving


@pytest.fixture
async def hub(hub_svc: Harness) -> AsyncIterator[Harness]:
    """The hub, allowed to call 127.0.0.0/8 and nothing else of the house."""
    hub_svc.settings.egress_networks = (ip_network("127.0.0.0/8"),)
    yield hub_svc
    hub_svc.settings.egress_networks = ()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """A receiver that accepts everything until it is told otherwise."""
    async with receiving() as one:
        yield one
