"""The number of events per minute and stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from console.flow_api import MINUTES, flow_of
from contracts.catalog import STAGES
from contracts.deal import DealOpened
from contracts.lead import LeadCaptured
from contracts.samples import sample
from testkit.harness import Harness

SINCE = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


def at(minute: float) -> datetime:
    return SINCE + timedelta(minutes=minute)


def test_flow_counts_each_event_in_its_minute_and_stage() -> None:
    flow = flow_of(
        SINCE,
        [
            (at(0), "ltc.lead.captured.v1", 3),
            (at(0), "ltc.lead.qualified.v1", 2),
            (at(59), "ltc.deal.opened.v1", 7),
            (at(59), "ltc.payment.received.v1", 1),
        ],
    )
    assert flow.since == SINCE
    assert flow.stages["lead"] == [5, *[0] * (MINUTES - 1)]
    assert flow.stages["deal"] == [*[0] * (MINUTES - 1), 7]
    assert flow.stages["billing"][-1] == 1
    assert list(flow.stages) == list(STAGES)


def test_flow_counts_future_events_now_and_ignores_unknown_stages() -> None:
    flow = flow_of(SINCE, [(at(63), "ltc.lead.captured.v1", 4), (at(1), "ltc.moon.rose.v1", 9)])
    assert flow.stages["lead"][-1] == 4
    assert sum(map(sum, flow.stages.values())) == 4


async def test_flow_of_the_last_hour_is_for_roles_of_the_platform_team(
    console_svc: Harness,
) -> None:
    await console_svc.receives(sample(LeadCaptured), sample(LeadCaptured))
    await console_svc.execute(
        "UPDATE journey_event SET said_at = now() - interval '10 minutes', seen_at = now()"
    )
    await console_svc.receives(sample(DealOpened))
    await console_svc.execute(
        "UPDATE journey_event SET said_at = now() - interval '2 hours'"
        " WHERE type = 'ltc.deal.opened.v1'"
    )
    async with console_svc.client("ops") as ops, console_svc.client("sales_rep") as seller:
        told, refused = await ops.get("/flow"), await seller.get("/flow")

    stages = told.json()["stages"]
    assert {stage: sum(said) for stage, said in stages.items()} == {
        **dict.fromkeys(STAGES, 0),
        "lead": 2,
    }
    assert stages["lead"].index(2) in (MINUTES - 12, MINUTES - 11)
    assert refused.status_code == 403
