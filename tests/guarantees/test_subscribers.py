"""Subscribers on every interface while faults are injected: each event arrives, in order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from random import Random

import pytest

from ltc.settings import HUB
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import ControlledInstallation
from testkit.load import Load, Mix
from testkit.quiescence import quiesce
from testkit.verification import check
from tests.guarantees.listeners import Listeners, listening, said_by_stages

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900, func_only=True)]

SEED = os.environ.get("LTC_LISTENERS_SEED", "7")
REQUESTS = 10
PER_S = 3.0
MIX = Mix(bulk=15, invalid=5, repeated=5, duplicate=5)
LEASES_PASS = """
SELECT position FROM fan_out FOR UPDATE;
UPDATE delivery SET leased_until = now() WHERE lease IS NOT NULL
"""
"""The minute after which what a killed process was sending is sent by another; as whoever changes
what is pending, it holds the queue first."""

Fault = Callable[[ControlledInstallation, Listeners, Random], None]


def _pause(chance: Random, most_s: float) -> None:
    time.sleep(chance.uniform(0.2, most_s))


def hub_killed_while_it_handles(rig: ControlledInstallation, _: Listeners, chance: Random) -> None:
    """Twice, whatever it is at."""
    for _ in range(2):
        _pause(chance, 1.5)
        rig.kill(HUB)
        rig.execute(HUB, LEASES_PASS)
        while not rig.running(HUB):
            time.sleep(0.05)


def hub_killed_while_it_delivers(
    rig: ControlledInstallation, listeners: Listeners, chance: Random
) -> None:
    enough, deadline = listeners.front.calls + chance.randint(5, 40), time.monotonic() + DEADLINE_S
    while listeners.front.calls < enough:
        assert time.monotonic() < deadline, "it delivers too little"
        time.sleep(0.01)
    time.sleep(chance.uniform(0, 0.1))
    rig.kill(HUB)
    rig.execute(HUB, LEASES_PASS)


def hub_rolled_out(rig: ControlledInstallation, _: Listeners, chance: Random) -> None:
    _pause(chance, 1.5)
    rig.redeploy(HUB)


def broker_killed(rig: ControlledInstallation, _: Listeners, chance: Random) -> None:
    _pause(chance, 1.5)
    rig.kill("kafka")


def database_killed(rig: ControlledInstallation, _: Listeners, chance: Random) -> None:
    _pause(chance, 1.5)
    rig.kill("postgres")


FAULTS: tuple[Fault, ...] = (
    hub_killed_while_it_handles,
    hub_killed_while_it_delivers,
    hub_rolled_out,
    broker_killed,
    database_killed,
)


@pytest.fixture(scope="module")
async def listeners(rig: ControlledInstallation) -> AsyncIterator[Listeners]:
    async with listening(rig, SEED) as found:
        yield found


def _under_load(
    rig: ControlledInstallation, listeners: Listeners, injected: list[str], fault: Fault
) -> Load:
    """Journeys flow, something breaks, the listeners fall as well; until all is at rest again."""
    number, chance = FAULTS.index(fault), Random(f"{SEED}-{fault.__name__}")
    listeners.front.may_hang()
    history = rig.settings.home / "history.ndjson"
    with rig.watching():
        load = Load(
            rig.settings, history, seed=number, requests=REQUESTS, per_s=PER_S, mix=MIX
        ).start()
        began = time.monotonic()
        listeners.fall(chance)
        fault(rig, listeners, chance)
        took_s = time.monotonic() - began
        injected.append(f"{fault.__name__}, seed {SEED}, over {took_s:.1f} s after the first order")
        quiesce(rig, load.finish())
    rig.execute(HUB, LEASES_PASS)
    return load


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_subscribers_get_every_published_event_during_faults(
    rig: ControlledInstallation, listeners: Listeners, injected: list[str], fault: Fault
) -> None:
    began = time.monotonic()
    async with listeners.on_call():
        load = await asyncio.to_thread(_under_load, rig, listeners, injected, fault)
        rested = time.monotonic()
        said = await asyncio.to_thread(said_by_stages, rig)
        complaints = await listeners.complaints(said)
    heard = time.monotonic()
    report = await asyncio.to_thread(check, rig, load, wait_s=DEADLINE_S)
    injected.append(
        f"  {len(said)} facts said; at rest {rested - began:.1f} s, heard {heard - rested:.1f} s,"
        f" verified {time.monotonic() - heard:.1f} s; {dict(listeners.front.done)}"
    )
    injected.extend(f"  {each}" for each in listeners.all)

    assert complaints == []
    assert report.good, report.words()
    assert load.wrong == []


def test_subscribers_were_restarted_during_the_faults(listeners: Listeners) -> None:
    """Each program crashed and restarted about twice per fault, and the endpoint misbehaved in
    each of its ways."""
    assert all(each.fallen >= len(FAULTS) for each in listeners.all)
    assert listeners.front.ways <= {way for way, times in listeners.front.done.items() if times}
