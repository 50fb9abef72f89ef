"""The bank of a laptop: takes money, keeps a statement of its own, reports it through public doors.

What it took is in its own record before anybody is told, so that a payer whose call timed out, and
a checker that trusts nobody, can read what really happened (`local_infra.bank_server` is the
process; the class can also be used in one).
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from local_infra.erp import Caller

Line = dict[str, Any]


class OtherRequest(ValueError):
    """This key was used for another payment."""


class Statement:
    """The bank's own record: one line of JSON per movement, on disk before anybody is told.

    Each line: ``reference, amount, currency, direction`` (in: to the company; out: back to the
    payer), ``at, payer, remittance, returns, key``.
    """

    def __init__(self, file: Path | None = None) -> None:
        """Without a file the record is kept only as long as this object."""
        self._file = file
        self._lock = threading.Lock()
        self._lines: list[Line] = _whole_lines(file) if file else []
        self._by_key: dict[str, Line] = {line["key"]: line for line in self._lines}

    def lines(self) -> list[Line]:
        """Every movement, in the order in which it happened."""
        with self._lock:
            return [dict(line) for line in self._lines]

    def take(
        self, *, key: str, amount: str, currency: str, payer: str, remittance: str
    ) -> tuple[Line, bool]:
        """Take money from a payer, once per key; says whether it was taken just now."""
        wanted = {"amount": amount, "currency": currency, "payer": payer, "remittance": remittance}
        return self._book(key, {**wanted, "direction": "in", "returns": None})

    def give_back(
        self, *, key: str, returns: str, amount: str, currency: str, reason: str
    ) -> tuple[Line, bool]:
        """Money of an earlier line goes back to its payer, once per key."""
        wanted = {"amount": amount, "currency": currency, "payer": None, "remittance": reason}
        return self._book(key, {**wanted, "direction": "out", "returns": returns})

    def _book(self, key: str, wanted: Line) -> tuple[Line, bool]:
        with self._lock:
            known = self._by_key.get(key)
            if known is not None:
                if any(known[name] != value for name, value in wanted.items()):
                    raise OtherRequest(f"{key} was used for another payment")
                return dict(known), False
            line = {
                "reference": f"BANK-{uuid4().hex[:12]}",
                **wanted,
                "at": datetime.now(UTC).isoformat(),
                "key": key,
            }
            if self._file is not None:
                with self._file.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line, ensure_ascii=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            self._lines.append(line)
            self._by_key[key] = line
            return dict(line), True


def _whole_lines(file: Path) -> list[Line]:
    """What is on record. A last line torn by a kill is cut off: nobody was told of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        os.truncate(file, len(whole.encode()))
    return [json.loads(line) for line in whole.splitlines()]


def reported(line: Line) -> dict[str, Any]:
    """A line of the statement as billing's door takes it."""
    return {
        "bank_reference": line["reference"],
        "amount": {"amount": line["amount"], "currency": line["currency"]},
        "booked_at": line["at"],
        "payer": line["payer"],
        "remittance": line["remittance"],
        "returns": line["returns"],
    }


class BankSimulator:
    """Pays what is invoiced, and can do what real banks do: pay short, report a line twice, take a
    payment back, name a reference that nobody knows."""

    def __init__(self, bank: Caller, statement: Statement | None = None) -> None:
        self._bank = bank
        self._statement = statement or Statement()

    def pay_open(self, invoices: Sequence[dict[str, Any]]) -> int:
        """Pay those of a customer's invoices that are open, in full; returns how many."""
        open_ones = [i for i in invoices if i["status"] in ("issued", "partially_paid")]
        for invoice in open_ones:
            self.pay(invoice)
        return len(open_ones)

    def pay(self, invoice: dict[str, Any], amount: str | None = None) -> Line:
        """Take and report a payment for an invoice; returns the line as it was reported."""
        money = invoice["totals"]["gross"]
        taken, _ = self._statement.take(
            key=uuid4().hex,
            amount=amount or money["amount"],
            currency=money["currency"],
            payer=invoice["account"]["name"],
            remittance=invoice["number"],
        )
        line = reported(taken)
        self.report(line)
        return line

    def take_back(self, line: Line, reason: str) -> Line:
        """The payer's bank takes a reported payment back."""
        back, _ = self._statement.give_back(
            key=f"back-{line['bank_reference']}",
            returns=line["bank_reference"],
            amount=line["amount"]["amount"],
            currency=line["amount"]["currency"],
            reason=reason,
        )
        self.report(reported(back))
        return reported(back)

    def report(self, *lines: Line) -> Any:
        return self._bank.post("billing", "/bank-statements", {"lines": list(lines)})

    def report_all(self, lines: Sequence[Line] | None = None) -> Any:
        """Report the whole statement: what billing knows adds nothing, what it missed is there."""
        return self.report(*(reported(line) for line in lines or self._statement.lines()))
