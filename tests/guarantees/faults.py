"""Every class of fault, as something that begins and ends: ``with FAULTS["broker killed"](…): …``.

Each takes the world and a source of chance (so that one seed names one choice), injects when it is
entered, says what it did, and heals when it is left. Healing leaves nothing of it behind except
what a person would have to repair; that is `on_call`'s.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Any

from ltc.settings import CONSOLE, STAGES
from testkit import fake_bank
from testkit.installation.controlled import NAMES
from testkit.installation.faulty import FaultyInstallation
from testkit.tcp_proxy import Wire
from tests.guarantees import losses, records

Fault = Callable[[FaultyInstallation, Random], AbstractContextManager[str]]
FAULTS: dict[str, Fault] = {}
HEARERS = (*STAGES[1:], CONSOLE)
"""Services that nobody calls in an express journey: their clock may be off without a token's."""
DERIVED = ("quote", "contract", "order", "billing")
"""Services whose part of an express journey follows from facts alone."""


def fault(name: str) -> Callable[[Callable[[FaultyInstallation, Random], Iterator[str]]], Fault]:
    def register(work: Callable[[FaultyInstallation, Random], Iterator[str]]) -> Fault:
        made = contextmanager(work)
        FAULTS[name] = made
        return made

    return register


# --- processes -------------------------------------------------------------------------------


@fault("service killed")
def service_killed(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """SIGKILL a third of the services, at once."""
    victims = chance.sample(NAMES, chance.randint(1, 3))
    for name in victims:
        world.kill_if_running(name)
    yield ", ".join(victims)
    for name in victims:
        world.back(name)


def _unit_faults(unit: str, called: str) -> None:
    @fault(f"{called} killed")
    def killed(world: FaultyInstallation, _chance: Random) -> Iterator[str]:
        world.kill_if_running(unit)
        yield unit
        world.back(unit)

    @fault(f"{called} paused")
    def paused(world: FaultyInstallation, _chance: Random) -> Iterator[str]:
        with world.paused(unit):
            yield unit


_unit_faults("kafka", "broker")
_unit_faults("postgres", "database")


# --- disks -----------------------------------------------------------------------------------


def _disk_fault(called: str, disk_of: Callable[[FaultyInstallation], Path], unit: str) -> None:
    @fault(f"disk full: {called}")
    def full(world: FaultyInstallation, _chance: Random) -> Iterator[str]:
        disk = disk_of(world)
        world.fill(disk)
        try:
            yield disk.name
        finally:
            world.make_room(disk)
        world.back(unit)


# One service's tables: its statements fail, the server stays up.
_disk_fault("data", lambda world: world.small_disk, "postgres")
# The write-ahead log too: the server may stop, and does not come back before there is room.
_disk_fault("log", lambda world: world.data_disk, "postgres")
# Records: the broker gives up its only directory and ends.
_disk_fault("broker", lambda world: world.broker_disk, "kafka")


# --- what is on the topics -------------------------------------------------------------------


@fault("records repeated")
def records_repeated(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """A third of all records are on their topics again, some several times."""
    yield f"{records.repeat(world, chance, share=0.3)} records"


@fault("poison")
def poison(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """Bytes that are no fact, in the middle of a partition."""
    count = records.poison(world, chance)
    yield f"{count} records"


@fault("topics shuffled")
def topics_shuffled(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """Consequences arrive before their causes: what piled up is heard topic by topic."""
    victim = chance.choice(("deal", "contract", "order", "billing"))
    with _odd(world, victim, LTC_TEST_SHUFFLE="1"), world.paused(victim):
        time.sleep(1.5)
        world.resume(victim)
        yield victim


@fault("later version")
def later_version(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """One service is ahead: new fields, unknown types, the next major version beside the old."""
    victim = chance.choice(STAGES)
    with _odd(world, victim, LTC_TEST_FUTURE="1"):
        yield victim


# --- time ------------------------------------------------------------------------------------


@fault("clock off")
def clock_off(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    victim = chance.choice(HEARERS)
    shift = chance.choice((-86_400, -3_600, 3_600, 86_400))
    with _odd(world, victim, LTC_TEST_CLOCK_S=str(shift)):
        yield f"{victim} by {shift} s"


@fault("slow consumer")
def slow_consumer(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """Two seconds a batch, one second of Kafka's patience between polls."""
    victim = chance.choice(HEARERS)
    with _odd(world, victim, LTC_TEST_SLOW_S="2"):
        yield victim


@fault("rebalance storm")
def rebalance_storm(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """A member that does no work joins and leaves a group again and again."""
    victim = chance.choice(HEARERS)
    listens = world.service(victim).consumer
    with _meanwhile(lambda over: records.come_and_go(world, listens, over)):
        yield victim


# --- network ---------------------------------------------------------------------------------


def _wires(chance: Random, to: str) -> list[str]:
    return [f"{name}.{to}" for name in chance.sample(NAMES, chance.randint(1, 3))]


def _network_fault(name: str, to: str, act: Callable[[Wire], Any]) -> None:
    @fault(name)
    def inject(world: FaultyInstallation, chance: Random) -> Iterator[str]:
        wires = _wires(chance, to)
        world.network.do(wires, act)
        try:
            yield ", ".join(wires)
        finally:
            world.network.do(wires, Wire.heal)


for _to, _what in (("kafka", "broker"), ("postgres", "database")):
    _network_fault(f"cut from {_what}", _to, Wire.cut)
    _network_fault(f"silence to {_what}", _to, lambda wire: wire.hold("up", "down"))
    _network_fault(f"one way to {_what}", _to, lambda wire: wire.hold("down"))
    _network_fault(f"half open to {_what}", _to, Wire.half_open)


def _slowly(wire: Wire) -> None:
    wire.delay_s, wire.bytes_per_s = 0.05, 200_000


_network_fault("slow network", "kafka", _slowly)


@fault("flapping network")
def flapping(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    wires = _wires(chance, chance.choice(("kafka", "postgres")))

    def flap(over: threading.Event) -> None:
        act = Wire.cut
        while not over.wait(0.6):
            world.network.do(wires, act)
            act = Wire.heal if act is Wire.cut else Wire.cut

    try:
        with _meanwhile(flap):
            yield ", ".join(wires)
    finally:
        world.network.do(wires, Wire.heal)


# --- the world outside -----------------------------------------------------------------------


@fault("bank hangs")
def bank_hangs(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """It takes money and never answers; then it reports every line twice."""
    keys = [f"{n}-{chance.getrandbits(64):x}" for n in range(3)]
    with fake_bank.open_bank(world) as counter:
        wanted = {"transfers": "take_then_hang", "reports": "twice"}
        counter.put("/behaviour", json=wanted)
        unknown = [key for key in keys if fake_bank.pay(counter, key) is None]
        yield f"{len(unknown)} payments of unknown outcome"
        fake_bank.make_sure(counter, keys)


# --- losses that a person repairs ------------------------------------------------------------


@fault("retention")
def retention(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """Records expire that a stopped service has not heard."""
    victim = chance.choice(HEARERS)
    topic = chance.choice(world.service(victim).consumer.topics)
    world.stop(victim)
    yield f"{topic} while {victim} is down"
    losses.expire(world, topic)
    world.start_at_all(victim)


@fault("offsets lost")
def offsets_lost(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    victim = chance.choice(HEARERS)
    world.stop(victim)
    yield victim
    losses.lose_offsets(world, victim)
    world.start_at_all(victim)


@fault("older copy")
def older_copy(world: FaultyInstallation, chance: Random) -> Iterator[str]:
    """A database is restored from a dump taken some seconds ago."""
    victim = chance.choice(DERIVED)
    world.stop(victim)
    losses.copy_database(world, victim, "older")
    world.start(victim)
    yield victim
    world.stop(victim)
    losses.restore(world, victim, "older")
    world.start_at_all(victim)


# --- help ------------------------------------------------------------------------------------


@contextmanager
def _odd(world: FaultyInstallation, name: str, **environment: str) -> Iterator[None]:
    """A service restarted as an odd one, and as itself again afterwards."""
    world.restart(name, **environment)
    try:
        yield
    finally:
        world.restart(name)


@contextmanager
def _meanwhile(work: Callable[[threading.Event], None]) -> Iterator[None]:
    over = threading.Event()
    thread = threading.Thread(target=work, args=(over,))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(30)
