"""A bounded share of the fuzzing, in one process: nothing breaks, and every event can be handled.

``LTC_FUZZ_EXAMPLES=20`` asks more.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from contextlib import closing
from dataclasses import replace
from uuid import UUID, uuid4, uuid5

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chassis import strict_json
from chassis.issuer import sign
from contracts.catalog import FACTS
from contracts.event import Event
from contracts.roles import ROLES
from contracts.samples import sample
from ltc.settings import STAGES
from testkit.harness import KEY, Harness, as_record, over_http
from tests.fuzzing.asking import Fuzz, Known
from tests.fuzzing.naughty import dump, spoiled
from tests.fuzzing.relay import refusals, relay
from tests.security.apps import NAMES
from tests.security.test_schemathesis import filled

EXAMPLES = int(os.environ.get("LTC_FUZZ_EXAMPLES", "2"))
"""Of requests an operation; five times as many of intake for all stages, and of events."""
INTAKE = {
    "lead": ("captureLead", "captureLeads", "importLeads"),
    "deal": ("openDeal", "takeOverDeals"),
    "quote": ("setPrice",),
}
UUIDS = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
pytestmark = pytest.mark.filterwarnings(
    "ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"
)


async def fuzzed(
    under_test: Harness, name: str, known: Known, examples: int, only: tuple[str, ...] = ()
) -> Fuzz:
    """Requests to all operations of a service, or to some."""
    token = sign(
        KEY, under_test.settings.oidc_issuer, sub="u-1", name="Ada", roles=list(ROLES),
        teams=[], ttl_s=3600,
    )  # fmt: skip
    async with over_http(under_test.app) as url:
        with closing(Fuzz(name, url, token, known, examples)) as fuzz:
            await asyncio.to_thread(fuzz.everything, only)
    return fuzz


@pytest.mark.parametrize("name", NAMES)
async def test_fuzzing_of_requests_breaks_nothing(services: dict[str, Harness], name: str) -> None:
    under_test = services[name]
    known = await filled(under_test, name)
    fuzz = await fuzzed(under_test, name, known, EXAMPLES)

    assert fuzz.faults == [], "\n\n".join(fuzz.faults)
    assert fuzz.accepted > 0
    for kind, payload in await under_test.rows("SELECT type, payload FROM outbox"):
        strict_json.read(bytes(payload))
        FACTS[kind].model_validate_json(payload)


async def test_fuzzing_of_intake_is_handled_by_every_stage(services: dict[str, Harness]) -> None:
    for service in services.values():
        await service.empty()
    for name, only in INTAKE.items():
        fuzz = await fuzzed(services[name], name, {}, 5 * EXAMPLES, only)
        assert fuzz.faults == [], "\n\n".join(fuzz.faults)
    delivered = await relay(services)

    assert await refusals(services) == []
    assert delivered > 20 * EXAMPLES


def bodies(fact: type[Event]) -> list[bytes]:
    """Values of records: a sample with naughty parts, each about other aggregates."""
    valid = sample(fact).model_dump_json()
    found: list[bytes] = []

    @settings(
        max_examples=5 * EXAMPLES, deadline=None, database=None, derandomize=True,
        phases=[Phase.generate], suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.data())
    def keep(data: st.DataObject) -> None:
        cause = UUID(int=len(found))
        fresh = UUIDS.sub(lambda known: str(uuid5(cause, known.group())), valid)
        found.append(dump(data.draw(spoiled(json.loads(fresh)))))

    keep()
    return found


@pytest.mark.parametrize("stage", STAGES)
async def test_fuzzing_of_events_parks_their_own_keys_alone(
    services: dict[str, Harness], stage: str
) -> None:
    service = services[stage]
    await service.empty()
    readable: set[str] = set()
    facts = [group[0].fact for group in service.service.consumer.subscriptions.values()]
    for fact in facts:
        for value in await asyncio.to_thread(bodies, fact):
            key = uuid4().hex
            record = as_record(sample(fact), event_id=uuid4(), journey_id=uuid4())
            await service.receives_raw(replace(record, key=key.encode(), value=value))
            if is_readable(fact, value):
                readable.add(key)
    await service.receives(*(sample(fact) for fact in facts))
    parked = await service.rows("SELECT key, error_class, error FROM parked_key")

    own = {str(sample(fact).key_value()) for fact in facts}
    waits = [row for row in parked if row[1] == "DependencyMissing"]
    assert [row for row in parked if row[0] in readable and row not in waits] == []
    assert [row for row in parked if row[0] in own and row not in waits] == []
    assert {row[1] for row in parked} <= {"DependencyMissing", "Undecodable"}


def is_readable(fact: type[Event], value: bytes) -> bool:
    """Whether the event's own class takes the value, so that each consumer has to handle it."""
    try:
        strict_json.read(value)
        fact.model_validate_json(value)
    except ValueError:
        return False
    return True
