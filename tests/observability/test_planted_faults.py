"""Planted faults reach the person on call: rule, Alertmanager, receiver, and end of the alert."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka import AIOKafkaProducer

from local_infra.processes import Child, run_sync
from ltc.settings import CONSOLE
from testkit.actors.actor import Thing
from testkit.polling import eventually
from tests.observability.monitoring import Monitoring
from tests.observability.watched import Watched

TOPIC, KEY = "ltc.order.v1", "no-order"
DOWN, DEAD, OLD = (
    ("ServiceDown", "quote-svc"),
    ("DeadLetters", "billing-svc"),
    ("OutboxOld", "lead-svc"),
)


def spoil(watched: Watched) -> None:
    """Put a record on a topic that nobody who hears it can read."""

    async def send() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=watched.house.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(TOPIC, b"{half a value", KEY.encode())
        finally:
            await producer.stop()

    run_sync(send())


def give_up(watched: Watched) -> list[Thing]:
    """A person decides that the record is no fact, wherever it was heard; what was found."""
    troubles = watched.cast.oncall.troubles()
    for trouble in troubles:
        path = f"/ops/parked/{trouble['topic']}/{trouble['key']}/skip"
        watched.cast.oncall.doors.post(trouble["stage"], path, {"reason": "no fact"})
    return troubles


@contextmanager
def standing_still(watched: Watched) -> Iterator[None]:
    """The broker is suspended: connections stay, nothing answers."""
    home = watched.house.home
    broker = Child("kafka", home / "run", home / "logs").process()
    assert broker is not None
    broker.suspend()
    try:
        yield
    finally:
        broker.resume()


def heard(monitoring: Monitoring, status: str, *alerts: tuple[str, str]) -> None:
    for alert, service in alerts:
        eventually(
            lambda alert=alert, service=service: monitoring.heard(alert, service, status),
            what=f"{alert} of {service} is {status}",
        )


def lead_to(monitoring: Monitoring, *alerts: tuple[str, str]) -> list[str]:
    """Where the person on call gets to from each alert."""
    return [monitoring.told_of(*alert)[-1]["annotations"]["console_url"] for alert in alerts]


def test_alerts_of_planted_faults_fire_and_resolve(
    watched: Watched, monitoring: Monitoring
) -> None:
    spoil(watched)
    eventually(
        watched.cast.oncall.troubles,
        lambda found: any(trouble["stage"] == "billing" for trouble in found),
        what="billing has given the record up",
    )
    with standing_still(watched):
        sent = watched.cast.web.sends(watched.cast.web.order("LIC-TEAM", paid="2712.00"))
        with watched.house.without("quote"):
            heard(monitoring, "firing", DOWN)
        heard(monitoring, "firing", DEAD, OLD)
    assert lead_to(monitoring, DOWN, DEAD, OLD) == [
        f"{watched.house.url(CONSOLE)}/app/{page}"
        for page in (
            "services",
            "failures?service=billing-svc",
            "?stage=lead&reason=OUTBOX_BACKLOG",
        )
    ]
    eventually(lambda: give_up(watched), lambda found: not found, what="nothing is parked")
    watched.cast.oncall.sees_settled(sent["journey_id"])
    heard(monitoring, "resolved", DOWN, DEAD, OLD)
