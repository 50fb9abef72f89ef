"""The bank of a laptop: reports money as statement lines, through the public API alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from local_infra.erp import Caller


class BankSimulator:
    """Pays what is invoiced, and can do what real banks do: pay short, report a line twice, name
    a reference that nobody knows."""

    def __init__(self, bank: Caller) -> None:
        self._bank = bank

    def pay_open(self, contract_id: str) -> int:
        """Pay every open invoice of a contract in full; returns how many."""
        invoices = self._bank.get("billing", "/invoices", contract=contract_id)["items"]
        open_ones = [i for i in invoices if i["status"] in ("issued", "partially_paid")]
        for invoice in open_ones:
            self.pay(invoice)
        return len(open_ones)

    def pay(self, invoice: dict[str, Any], amount: str | None = None) -> dict[str, Any]:
        """Report a payment for an invoice; returns the line, so that it can be reported again."""
        money = invoice["totals"]["gross"]
        line = {
            "bank_reference": f"BANK-{uuid4().hex[:12]}",
            "amount": {"amount": amount or money["amount"], "currency": money["currency"]},
            "booked_at": datetime.now(UTC).isoformat(),
            "payer": invoice["account"]["name"],
            "remittance": invoice["number"],
        }
        self.report(line)
        return line

    def report(self, *lines: dict[str, Any]) -> Any:
        return self._bank.post("billing", "/bank-statements", {"lines": list(lines)})
