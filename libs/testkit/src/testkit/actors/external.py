"""Actors outside the company: the shop, the customer with a link, the ERP, the bank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from contracts.consents import STANDARD_HASH
from testkit.actors.actor import Actor, Mover, Thing, cny, now, parts_of


class Website(Actor):
    """The shop: sends what customers order there, with their consent and their payment."""

    roles = ("integration_web",)

    def order(self, sku: str, paid: str, *, external_id: str | None = None) -> Thing:
        reference = external_id or uuid4().hex[:12]
        at = (datetime.now(UTC) - timedelta(minutes=1)).isoformat()
        consent = {
            "given_by": f"网店客户 {reference}",
            "given_at": at,
            "text_hash": STANDARD_HASH,
            "covers": ["price", "terms", "signature"],
        }
        prepayment = {
            "provider": "alipay",
            "reference": f"ALI-{reference}",
            "amount": cny(paid),
            "captured_at": at,
        }
        return {
            "contact": {"name": f"网店客户 {reference}", "email": f"{reference}@shop.example.cn"},
            "company": {"name": f"网店 {reference} 有限公司"},
            "origin": {"channel": "website", "source_system": "shop", "external_id": reference},
            "order": {
                "lines": [{"sku": sku, "quantity": 1}],
                "currency": "CNY",
                "consent": consent,
                "prepayment": prepayment,
            },
        }

    def sends(self, order: Thing, *, key: str | None = None) -> Thing:
        answer: Thing = self.doors.post("lead", "/leads", order, key=key)
        return answer

    def sends_many(self, orders: Sequence[Thing]) -> list[str]:
        """The journeys of a batch of orders, all of them accepted."""
        answer = self.doors.post("lead", "/leads/batch", {"leads": list(orders)})
        assert answer["accepted"] == answer["rows"] == len(orders), answer
        return [row["journey_id"] for row in answer["results"]]


class Customer(Actor):
    """Has no account: whoever holds the link is the customer."""

    def offer(self, link: str) -> Thing:
        offer: Thing = self.doors.get("quote", f"/offers/{link}")
        return offer

    def accepts(self, link: str, offer: Thing) -> Thing:
        yes = {name: offer[name] for name in ("version", "version_hash")}
        path = f"/offers/{link}/acceptance"
        accepted: Thing = self.doors.post("quote", path, yes | {"name": self.name, "agree": True})
        return accepted

    def declines(self, link: str, offer: Thing, reason: str) -> Thing:
        no = {"name": self.name, "version": offer["version"], "reason": reason}
        declined: Thing = self.doors.post("quote", f"/offers/{link}/refusal", no)
        return declined

    def signs(self, link: str) -> Thing:
        """Exactly the text behind the link."""
        text_hash = self.doors.get("contract", f"/signing/{link}")["text_hash"]
        form = {"name": self.name, "text_hash": text_hash, "agree": True}
        signed: Thing = self.doors.post("contract", f"/signing/{link}/signature", form)
        return signed


class Erp(Mover):
    """Ships goods, under references of its own."""

    roles = ("integration_erp",)

    def ships(self, order: Thing, quantities: Mapping[int, int]) -> str:
        reference = f"ERP-{uuid4().hex[:10]}"
        form = {"lines": parts_of(quantities), "erp_reference": reference}
        self.doors.post("order", f"/orders/{order['id']}/shipments", form)
        return reference

    def ships_and_delivers(self, order: Thing, quantities: Mapping[int, int]) -> Thing:
        return self.delivers(order, quantities, self.ships(order, quantities))


class Bank(Actor):
    """Reports money as lines of its statement."""

    roles = ("integration_bank",)

    def line(self, invoice: Thing, amount: str | None = None) -> Thing:
        """Money for an invoice: what it comes to, or another amount."""
        return {
            "bank_reference": f"BANK-{uuid4().hex[:12]}",
            "amount": cny(amount or invoice["totals"]["gross"]["amount"]),
            "booked_at": now(),
            "payer": invoice["account"]["name"],
            "remittance": invoice["number"],
        }

    def reports(self, *lines: Thing) -> list[Thing]:
        booked: list[Thing] = self.doors.post("billing", "/bank-statements", {"lines": list(lines)})
        return booked
