"""Everybody at once, and the way to a signed contract that most stories begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from testkit.actors.actor import Thing
from testkit.actors.external import Bank, Customer, Erp, Website
from testkit.actors.staff import Accountant, Manager, OnCall, OrderDesk, SalesRep
from testkit.installation.base import Installation

ON_DELIVERY: Thing = {"kind": "on_delivery"}
PREPAID: Thing = {"kind": "prepaid"}


@dataclass
class Sale:
    """What a signed deal is made of."""

    journey: str
    deal: Thing
    contract: Thing
    order: Thing


class Actors:
    """The people of one installation."""

    def __init__(self, installation: Installation) -> None:
        self.web = Website(installation, "web", "Website")
        self.rep = SalesRep(installation, "rep-1", "李雷")
        self.manager = Manager(installation, "boss-1", "Margaret")
        self.customer = Customer(installation, "", "王小明")
        self.desk = OrderDesk(installation, "desk-1", "Order desk")
        self.erp = Erp(installation, "erp", "ERP")
        self.bank = Bank(installation, "bank", "Bank")
        self.accountant = Accountant(installation, "fin-1", "周会计")
        self.oncall = OnCall(installation, "ops-1", "On call")

    def close(self) -> None:
        for actor in vars(self).values():
            actor.doors.close()

    def sell(self, lines: Sequence[Thing], terms: Thing) -> Sale:
        """Within every limit, so that only the customer is waited for: a deal, its offer accepted,
        its contract signed, its order placed."""
        deal = self.rep.opens_deal(a_company(), lines, terms)
        journey = deal["journey_id"]
        self.rep.asks_for_proposal(deal)
        quote = self.rep.finds("quote", journey, "sent")
        link = self.rep.link_to("quote", quote)
        self.customer.accepts(link, self.customer.offer(link))
        contract = self.rep.finds("contract", journey, "awaiting_signature")
        self.customer.signs(self.rep.link_to("contract", contract))
        contract = self.rep.finds("contract", journey, "signed")
        return Sale(journey, deal, contract, self.desk.finds("order", journey))


def a_company() -> str:
    """A customer whom nobody has met before."""
    return f"故事 {uuid4().hex[:8]} 有限公司"


def wanted(sku: str, quantity: int, discount: str = "0") -> Thing:
    return {"sku": sku, "quantity": quantity, "discount_percent": discount}
