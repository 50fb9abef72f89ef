"""What makes a planted bug show itself: the moments at which real systems meet such bugs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from uuid import uuid4

from ltc.people import Person, Refusal
from testkit.deadline import DEADLINE_S
from testkit.installation.controlled import ControlledInstallation

SLOW_COMMIT = """
CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN PERFORM pg_sleep(0.15); RETURN NULL; END$$;
CREATE CONSTRAINT TRIGGER dawdle AFTER INSERT ON outbox DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.seq % 7 = 0) EXECUTE FUNCTION dawdle()
"""
DISK_FULL = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
$$BEGIN IF extract(epoch FROM clock_timestamp())::int % 3 = 0 THEN
  RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100';
END IF; RETURN NEW; END$$;
CREATE TRIGGER refuse BEFORE INSERT ON lead FOR EACH ROW EXECUTE FUNCTION refuse()
"""


SAID = "SELECT count(*) FROM event_log"
TAKEN_IN = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM event_log)"
MORE_THAN_SOCKETS = 20
"""Facts: Kafka's client sends one request a broker and gathers what comes behind it."""
PILES_UP_S = 2.0
Provocation = Callable[[ControlledInstallation, str], list[str]]
"""Given the installation and the service with the bug, while the load runs. Returns what somebody
who was asked in the course of it would complain of."""


def nothing(rig: ControlledInstallation, stage: str) -> list[str]:
    """The load alone."""
    return []


def die(point: str) -> Provocation:
    """kill -9 at a failpoint, and back again. It comes there with a batch of all that piled up
    while it stood still: one of a single fact may be of no use to it, and missed by nobody. The
    first batch is what a fetch had already brought, the second is that."""

    def provoke(rig: ControlledInstallation, stage: str) -> list[str]:
        rig.pause(stage)
        rig.arm(stage, point, nth=2)
        time.sleep(PILES_UP_S)
        rig.resume(stage)
        deadline = time.monotonic() + DEADLINE_S
        while not rig.hit_file(stage).exists():
            assert time.monotonic() < deadline, f"{stage} did not come to {point}"
            time.sleep(0.05)
        return []

    return provoke


def deploy(rig: ControlledInstallation, stage: str) -> list[str]:
    """Stopped properly in the middle of the load, and started again a moment later."""
    time.sleep(0.5)
    rig.redeploy(stage)
    return []


def dawdle(rig: ControlledInstallation, stage: str) -> list[str]:
    """Some commits take their time, as behind a slow disk."""
    rig.execute(stage, SLOW_COMMIT)
    return []


def fill_disk(rig: ControlledInstallation, stage: str) -> list[str]:
    """One second in three there is no space."""
    rig.execute(stage, DISK_FULL)
    return []


def lose_broker(rig: ControlledInstallation, stage: str) -> list[str]:
    """Kafka hangs; the service is killed meanwhile, when it has more to say than the sockets
    between them take: what they hold is heard after all. A service that takes for said what it has
    only handed on is given the time to do so."""
    time.sleep(0.7)
    rig.pause("kafka")
    said, taken_in = count(rig, stage, SAID), count(rig, stage, TAKEN_IN)
    enough = taken_in + MORE_THAN_SOCKETS
    assert grows(rig, stage, TAKEN_IN, enough), f"{stage} takes in too little"
    if (wrongly := count(rig, stage, SAID)) > said:
        grows(rig, stage, SAID, wrongly + MORE_THAN_SOCKETS, within_s=10)
    rig.kill(stage)
    rig.resume("kafka")
    return []


def grows(
    rig: ControlledInstallation, stage: str, counted: str, to: int, *, within_s: float = DEADLINE_S
) -> bool:
    """Whether a count of a service's database comes to so many in time."""
    deadline = time.monotonic() + within_s
    while count(rig, stage, counted) < to:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def count(rig: ControlledInstallation, stage: str, counted: str) -> int:
    [(number,)] = rig.rows(stage, counted)
    return int(number)


def pay_twice(rig: ControlledInstallation, stage: str) -> list[str]:
    """The bank does not hear our answer and reports the same line again."""
    line = {
        "bank_reference": f"BANK-{uuid4().hex[:12]}",
        "amount": {"amount": "1000.00", "currency": "CNY"},
        "booked_at": datetime.now(UTC).isoformat(),
        "payer": "Somebody",
        "remittance": "thank you",
    }
    with Person(rig.settings, "bank", "Bank", "integration_bank") as bank:
        bank.post("billing", "/bank-statements", {"lines": [line]})
        try:
            bank.post("billing", "/bank-statements", {"lines": [line]})
        except Refusal as refusal:
            return [f"a repeated line of the bank is refused: {refusal}"]
    return []
