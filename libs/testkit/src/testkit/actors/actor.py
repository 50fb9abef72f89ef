"""What everybody who acts can do: look at things through a door, and wait for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from testkit.api_client import ApiClient
from testkit.installation.base import Installation
from testkit.polling import eventually

Thing = dict[str, Any]
LISTS = {
    "lead": "/leads",
    "deal": "/deals",
    "quote": "/quotes",
    "contract": "/contracts",
    "order": "/orders",
    "billing": "/invoices",
}


def cny(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "CNY"}


def now() -> str:
    return datetime.now(UTC).isoformat()


def status_of(thing: Thing) -> str:
    """Where a thing is: a quote where its current version is, an order where its lines are."""
    if thing.get("versions"):
        return str(thing["versions"][-1]["status"])
    return str(thing.get("state") or thing["status"])


class Actor:
    """Somebody who signed in."""

    roles: tuple[str, ...] = ()

    def __init__(self, installation: Installation, sub: str, name: str) -> None:
        self.sub, self.name = sub, name
        self.doors = ApiClient(
            installation, installation.token(sub, name, self.roles) if self.roles else None
        )

    def shows(self, stage: str, thing: Thing) -> Thing:
        """A thing as it is now."""
        shown: Thing = self.doors.get(stage, f"{LISTS[stage]}/{thing['id']}")
        return shown

    def sees(self, stage: str, thing: Thing, until: Callable[[Thing], object], what: str) -> Thing:
        """A thing, once it is as wanted."""
        return eventually(lambda: self.shows(stage, thing), until, what=what)

    def all_of(self, stage: str, journey: str) -> list[Thing]:
        """What a stage has of a journey."""
        items: list[Thing] = self.doors.get(stage, LISTS[stage], journey=journey)["items"]
        return items

    def finds(self, stage: str, journey: str, /, *statuses: str, **wanted: Any) -> Thing:
        """The one thing that a stage has of a journey, once it is there and as wanted."""

        def as_wanted(items: list[Thing]) -> bool:
            return (
                len(items) == 1
                and (not statuses or status_of(items[0]) in statuses)
                and all(items[0][name] == value for name, value in wanted.items())
            )

        what = f"{stage} {' or '.join(statuses)} {wanted or ''} of journey {journey}"
        [thing] = eventually(lambda: self.all_of(stage, journey), as_wanted, what=what)
        return thing


class Mover(Actor):
    """Books what moves."""

    def delivers(self, order: Thing, quantities: Mapping[int, int], reference: str) -> Thing:
        parts = {"lines": parts_of(quantities), "reference": reference, "received_by": "仓库收货"}
        after: Thing = self.doors.post("order", f"/orders/{order['id']}/deliveries", parts)
        return after


def parts_of(quantities: Mapping[int, int]) -> list[Thing]:
    return [{"line_no": line, "quantity": quantity} for line, quantity in quantities.items()]
