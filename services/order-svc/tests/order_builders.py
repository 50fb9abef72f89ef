"""What order-svc hears and is asked in its tests: five pieces of hardware and one service."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from contracts.billing import (
    Allocation,
    PaymentAllocated,
    PaymentUnallocated,
    PrepaymentConfirmed,
    PrepaymentRefused,
)
from contracts.contract import ContractSigned, ContractTerminated
from contracts.ids import AccountId, ContractId, DealId, InvoiceId, PaymentId, QuoteId
from contracts.money import Money
from contracts.parties import Account
from contracts.terms import Evidence, PaymentTerms, Prepayment, PricedLine, ScheduleItem, Totals
from order_svc.commands.place import order_id_of

NOW = datetime.now(UTC)
CONTRACT = ContractId(UUID(int=5))
ORDER = order_id_of(CONTRACT)
NET, TAX = Money(1000_00, "CNY"), Money(60_00, "CNY")
EVIDENCE = Evidence(by="bank", at=NOW, method="bank")


def a_priced_line(line_no: int, kind: str, quantity: int) -> PricedLine:
    return PricedLine(
        line_no=line_no,
        sku=f"S-{line_no}",
        name=kind,
        kind=kind,
        quantity=quantity,
        list_price=NET,
        discount_percent=Decimal(0),
        net=NET,
        tax_percent=Decimal(6),
        tax=TAX,
    )


def a_signature(terms: str = "on_delivery", gross: Money = NET + TAX, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "contract_id": CONTRACT,
        "number": "C-1",
        "deal_id": DealId(UUID(int=1)),
        "quote_id": QuoteId(UUID(int=2)),
        "deal_number": "D-1",
        "lead_id": None,
        "account": Account(account_id=AccountId(UUID(int=3)), name="Acme"),
        "contact": None,
        "owner": None,
        "legal_entity": "LTC-CN",
        "lines": (a_priced_line(1, "goods", 5), a_priced_line(2, "service", 1)),
        "totals": Totals(net=gross, tax=Money(0, "CNY"), gross=gross),
        "payment_terms": PaymentTerms(kind=terms),
        "schedule": (ScheduleItem(n=1, due="on_delivery", amount=gross),),
        "version_hash": "a",
        "text_hash": "b",
        "signed_at": NOW,
    }
    return ContractSigned(**{**values, **changes})


def an_end() -> ContractTerminated:
    return ContractTerminated(
        contract_id=CONTRACT,
        number="C-1",
        deal_id=DealId(UUID(int=1)),
        quote_id=QuoteId(UUID(int=2)),
        reason="bankrupt",
        terminated_by="manager",
        terminated_at=NOW,
    )


def _part(outstanding: int) -> Allocation:
    return Allocation(
        invoice_id=InvoiceId(UUID(int=8)),
        invoice_number="INV-1",
        contract_id=CONTRACT,
        amount=NET,
        outstanding=Money(outstanding, "CNY"),
    )


def an_allocation(outstanding: int = 0) -> PaymentAllocated:
    return PaymentAllocated(
        payment_id=PaymentId(UUID(int=9)),
        number="P-1",
        allocations=(_part(outstanding),),
        unapplied=Money(0, "CNY"),
        ledger_transaction=uuid4(),
        evidence=EVIDENCE,
        allocated_at=NOW,
    )


def a_take_back() -> PaymentUnallocated:
    return PaymentUnallocated(
        payment_id=PaymentId(UUID(int=9)),
        number="P-1",
        allocations=(_part(1000_00),),
        unapplied=NET,
        reason="insufficient funds",
        ledger_transaction=uuid4(),
        unallocated_by="bank",
        unallocated_at=NOW,
    )


PREPAYMENT = Prepayment(provider="alipay", reference="P", amount=NET + TAX, captured_at=NOW)
_DECISION: dict[str, Any] = {
    "contract_id": CONTRACT,
    "contract_number": "C-1",
    "deal_id": DealId(UUID(int=1)),
    "provider": "alipay",
    "reference": "P",
    "captured": NET + TAX,
    "due": NET + TAX,
    "decided_at": NOW,
}


def a_confirmation() -> PrepaymentConfirmed:
    return PrepaymentConfirmed(**_DECISION, evidence=EVIDENCE)


def a_refusal() -> PrepaymentRefused:
    return PrepaymentRefused(**_DECISION, reason="reference_spent", detail="P was used")


def parts(*quantities: tuple[int, int]) -> list[dict[str, int]]:
    return [{"line_no": line_no, "quantity": quantity} for line_no, quantity in quantities]
