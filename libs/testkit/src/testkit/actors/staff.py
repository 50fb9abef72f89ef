"""Our own people: sales, order desk, finance, on call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from testkit.actors.actor import LISTS, Actor, Mover, Thing, cny
from testkit.polling import eventually


class SalesRep(Actor):
    """Works leads and deals, and sends customers their links."""

    roles = ("sales_rep",)

    def captures(self, form: Thing) -> Thing:
        taken = self.doors.post("lead", "/leads", form)
        assert taken["outcome"] == "accepted", taken
        lead: Thing = self.doors.get("lead", f"/leads/{taken['lead_id']}")
        return lead

    def qualifies(self, lead: Thing, need: str) -> None:
        self.doors.post("lead", f"/leads/{lead['id']}/qualification", {"need": need})

    def opens_deal(self, account: str, lines: Sequence[Thing], terms: Thing | None = None) -> Thing:
        form = {"title": f"{account}: {len(lines)} lines", "account": account, "lines": lines}
        deal: Thing = self.doors.post("deal", "/deals", form | {"payment_terms": terms})
        return deal

    def records_needs(self, deal: Thing, lines: Sequence[Thing], terms: Thing) -> Thing:
        seen = self.shows("deal", deal)["revision"]
        needs = {"lines": lines, "payment_terms": terms, "currency": "CNY"}
        return self._deal("put", deal, "needs", needs, seen=seen)

    def asks_for_proposal(self, deal: Thing) -> Thing:
        return self._deal("post", deal, "proposal-request", {})

    def gives_up(self, deal: Thing, reason: str) -> Thing:
        return self._deal("post", deal, "loss", {"reason": reason})

    def _deal(self, method: str, deal: Thing, act: str, body: Thing, **seen: int) -> Thing:
        change: Callable[..., Thing] = getattr(self.doors, method)
        return change("deal", f"/deals/{deal['id']}/{act}", body, **seen)

    def link_to(self, stage: str, thing: Thing) -> str:
        """The signed link that a customer gets to their offer or contract."""
        return str(self.doors.get(stage, f"{LISTS[stage]}/{thing['id']}/link")["token"])


class Manager(SalesRep):
    """Decides what a seller may not."""

    roles = ("sales_manager",)

    def approves(self, quote: Thing) -> Thing:
        path = f"/quotes/{quote['id']}/approval"
        approved: Thing = self.doors.post("quote", path, seen=quote["revision"])
        return approved

    def signs(self, contract: Thing) -> Thing:
        """For the company, exactly the text that the contract has."""
        form = {"text_hash": contract["text_hash"]}
        path = f"/contracts/{contract['id']}/signature"
        signed: Thing = self.doors.post("contract", path, form, seen=contract["revision"])
        return signed

    def changes_policy(self, stage: str, name: str, reason: str, **rules: Any) -> Thing:
        """Change some rules of a policy; returns the rules as they were."""
        policy = self.doors.get(stage, f"/policies/{name}")
        change = {"rules": policy["rules"] | rules, "reason": reason}
        self.doors.put(stage, f"/policies/{name}", change, seen=policy["version"])
        before: Thing = policy["rules"]
        return before


class OrderDesk(Mover):
    """Reports services done."""

    roles = ("order_desk",)


class Accountant(Actor):
    """Looks after invoices, payments and the ledger."""

    roles = ("finance",)

    def account(self, contract: Thing) -> Thing:
        account: Thing = self.doors.get("billing", f"/billing-accounts/{contract['id']}")
        return account

    def settled(self, contract: Thing) -> Thing:
        """The account of a contract, once all of it is delivered and paid."""
        what = f"settlement of {contract['number']}"
        return eventually(
            lambda: self.account(contract), lambda a: a["status"] == "settled", what=what
        )

    def invoices(self, contract: Thing, count: int) -> list[Thing]:
        """The invoices of a contract, oldest first, once there are so many."""

        def look() -> list[Thing]:
            items: list[Thing] = self.doors.get("billing", "/invoices", contract=contract["id"])[
                "items"
            ]
            return sorted(items, key=lambda invoice: str(invoice["number"]))

        what = f"{count} invoices of {contract['number']}"
        return eventually(look, lambda found: len(found) == count, what=what)

    def payment(self, booked: Thing) -> Thing:
        payment: Thing = self.doors.get("billing", f"/payments/{booked['payment_id']}")
        return payment

    def allocates(self, booked: Thing, invoice: Thing, amount: str) -> Thing:
        form = {"invoice_id": invoice["id"], "amount": cny(amount)}
        path = f"/payments/{booked['payment_id']}/allocations"
        payment: Thing = self.doors.post("billing", path, form)
        return payment

    def releases_credit(self, order: Thing, reason: str) -> Thing:
        path = f"/orders/{order['id']}/credit-release"
        released: Thing = self.doors.post("order", path, {"reason": reason})
        return released

    def totals(self) -> Thing:
        """The money of the company in yuan; zero before anything is signed."""
        money = ("contracted", "invoiced", "credited", "paid", "contracted_of_settled")
        nothing: Thing = {name: cny("0.00") for name in (*money, "ledger_balance")}
        nothing |= {"accounts": 0, "settled": 0}
        totals = self.doors.get("billing", "/totals")
        return next((total for total in totals if total["currency"] == "CNY"), nothing)

    def ledger(self, journey: str) -> dict[str, str]:
        """What the entries of a journey come to on each account, in yuan."""
        sums: dict[str, int] = {}
        for entry in self.doors.get("billing", "/ledger/entries", journey=journey):
            minor = int(entry["amount"]["amount"].replace(".", ""))
            sums[entry["account"]] = sums.get(entry["account"], 0) + minor
        return {account: f"{minor / 100:.2f}" for account, minor in sums.items() if minor}


class OnCall(Actor):
    """Sees every journey and every service, and changes nothing."""

    roles = ("ops", "auditor")

    def journey(self, key: str) -> Thing:
        journey: Thing = self.doors.get("console", f"/journeys/{key}")
        return journey

    def sees_settled(self, key: str) -> Thing:
        """A journey that is done: settled, and nobody is waited for any more."""
        return eventually(
            lambda: self.journey(key),
            lambda journey: journey["settled"] and not journey["gates"],
            what=f"settled journey {key} in the console",
        )

    def sees_gate(self, journey: str, gate: str) -> Thing:
        """An open gate of a journey, once the console shows it."""

        def look() -> Thing | None:
            return next((g for g in self.journey(journey)["gates"] if g["gate"] == gate), None)

        found = eventually(look, what=f"gate {gate} of journey {journey}")
        assert found is not None
        return found

    def sees_no_gate(self, journey: str, *gates: str) -> None:
        """Gates of a journey are open no more, as the console shows it."""

        def look() -> set[str]:
            return {gate["gate"] for gate in self.journey(journey)["gates"]} & set(gates)

        eventually(look, lambda open_: not open_, what=f"gates {gates} of {journey} passed")

    def troubles(self) -> list[Thing]:
        """What any service has parked for good: nothing, if all is well."""
        return [
            key | {"stage": stage}
            for stage in (*LISTS, "console")
            for key in self.doors.get(stage, "/ops/parked")
            if key["status"] == "dead"
        ]
