"""Retention of the webhook delivery log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hook_hub import an_endpoint, dispatching, facts, settled

from hub.webhooks import keeping
from testkit.harness import Harness
from testkit.webhook_receiver import Receiver


async def delivered(hub: Harness, receiver: Receiver, count: int) -> None:
    await an_endpoint(hub, receiver.url())
    async with dispatching(hub):
        await facts(hub, count)
        await settled(hub, "delivered", count)


@pytest.mark.parametrize(
    ("age", "kept"), [(timedelta(days=30, minutes=1), 0), (timedelta(days=29, hours=23), 2)]
)
async def test_webhook_log_keeps_ended_deliveries_for_thirty_days(
    hub: Harness, receiver: Receiver, age: timedelta, kept: int
) -> None:
    await delivered(hub, receiver, 2)
    await hub.execute("UPDATE attempt SET at = now() - $1::interval", age)
    await hub.execute("UPDATE delivery SET ended_at = now() - $1::interval", age)

    assert await hub.tick("forget_attempts") == 2 - kept
    assert await hub.tick("forget_deliveries") == 2 - kept
    assert len(await hub.rows("SELECT 1 FROM attempt")) == kept
    assert len(await hub.rows("SELECT 1 FROM delivery")) == kept


async def test_webhook_log_keeps_pending_deliveries_without_limit(
    hub: Harness, receiver: Receiver
) -> None:
    """However long an endpoint was switched off."""
    await delivered(hub, receiver, 2)
    await hub.execute(
        "UPDATE delivery SET state = 'pending', turn = true, ended_at = NULL,"
        " created_at = now() - interval '400 days', next_at = now() - interval '400 days'"
    )

    assert await hub.tick("forget_deliveries") == 0
    assert len(await hub.rows("SELECT 1 FROM delivery")) == 2


async def test_webhook_log_deletes_old_rows_in_portions(
    hub: Harness, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PORTION", 2)
    await delivered(hub, receiver, 5)
    await hub.execute("UPDATE attempt SET at = now() - interval '31 days'")
    await hub.execute("UPDATE delivery SET ended_at = now() - interval '31 days'")

    assert [await hub.tick("forget_attempts") for _ in range(4)] == [2, 2, 1, 0]
    assert [await hub.tick("forget_deliveries") for _ in range(4)] == [2, 2, 1, 0]
