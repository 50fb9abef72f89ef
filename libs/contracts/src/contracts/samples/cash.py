"""The sample journey from the placed order to the settled account."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from contracts.billing import (
    Allocation,
    InvoiceCredited,
    InvoiceIssued,
    InvoiceLine,
    InvoiceOverdue,
    InvoicePaid,
    JourneySettled,
    PaymentAllocated,
    PaymentReceived,
    PaymentReturned,
    PaymentUnallocated,
    PrepaymentConfirmed,
    PrepaymentRefused,
)
from contracts.event import Event
from contracts.ids import derived_id
from contracts.order import (
    OrderCancelled,
    OrderDelivered,
    OrderFulfilled,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderShipped,
)
from contracts.samples.parts import (
    ACCOUNT,
    CLICK,
    CONTRACT,
    DEAL,
    INVOICE,
    LEAD,
    LINES,
    ORDER,
    PAYMENT,
    PREPAYMENT,
    TEXT_HASH,
    TOTALS,
    at,
    cny,
)
from contracts.terms import Evidence, LineProgress, LineQuantity, Totals

INVOICE_NUMBER: Final = "INV-2026-000042"
DUE_ON: Final = date(2026, 3, 9)

_ORDER: Final[dict[str, Any]] = {
    "order_id": ORDER,
    "number": "O-2026-000042",
    "contract_id": CONTRACT,
    "deal_id": DEAL,
}
_INVOICE: Final[dict[str, Any]] = {
    "invoice_id": INVOICE,
    "number": INVOICE_NUMBER,
    "contract_id": CONTRACT,
    "deal_id": DEAL,
}
_PAYMENT: Final[dict[str, Any]] = {"payment_id": PAYMENT, "number": "P-2026-000042"}

_PREPAYMENT: Final[dict[str, Any]] = {
    "contract_id": CONTRACT,
    "contract_number": "C-2026-000042",
    "deal_id": DEAL,
    "provider": PREPAYMENT.provider,
    "reference": PREPAYMENT.reference,
    "captured": TOTALS.gross,
    "due": TOTALS.gross,
}
CONFIRMATION: Final = Evidence(
    by=PREPAYMENT.provider, at=at(9), method="policy", reference="policy:cash@3",
    text_hash=TEXT_HASH, ip="203.0.113.9", user_agent="payment gateway",
    captured_by="web-shop",
)  # fmt: skip

DELIVERY_NOTE: Final = Evidence(
    by="Zhao Lei",
    at=at(10),
    method="erp",
    reference="DN-88231",
    text_hash=TEXT_HASH,
    ip="203.0.113.9",
    user_agent="ERP gateway",
    captured_by="erp-gateway",
)


def progress(shipped: int = 0, delivered: int = 0, cancelled: int = 0) -> tuple[LineProgress, ...]:
    """Where the lines stand: so many gateways moved; the service is rendered with the last."""
    gateways, service = LINES
    done = int(delivered + cancelled == gateways.quantity)
    return (
        LineProgress(
            line_no=1,
            sku=gateways.sku,
            ordered=gateways.quantity,
            shipped=shipped,
            delivered=delivered,
            cancelled=cancelled,
        ),
        LineProgress(
            line_no=2, sku=service.sku, ordered=1, shipped=done, delivered=done, cancelled=0
        ),
    )


CASH: Final[tuple[Event, ...]] = (
    OrderPlaced(
        **_ORDER,
        account=ACCOUNT,
        progress=progress(),
        promised_on=date(2026, 3, 16),
        placed_at=at(9),
    ),
    OrderHeld(**_ORDER, reason="credit", held_at=at(9)),
    OrderReleased(**_ORDER, reason="credit", released_by="finance-02", released_at=at(10)),
    OrderShipped(
        **_ORDER,
        lines=(LineQuantity(line_no=1, quantity=4),),
        progress=progress(shipped=4),
        erp_reference="ERP-SHP-5521",
        shipped_at=at(10),
    ),
    OrderDelivered(
        **_ORDER,
        lines=(LineQuantity(line_no=1, quantity=4),),
        progress=progress(shipped=4, delivered=4),
        evidence=DELIVERY_NOTE,
        delivered_at=at(11),
    ),
    OrderCancelled(
        **_ORDER,
        lines=(LineQuantity(line_no=1, quantity=1),),
        progress=progress(shipped=4, delivered=4, cancelled=1),
        reason="one production line was shut down",
        cancelled_by="desk-03",
        cancelled_at=at(11),
    ),
    OrderFulfilled(
        **_ORDER,
        progress=progress(shipped=4, delivered=4, cancelled=1),
        fulfilled_at=at(12),
    ),
    InvoiceIssued(
        **_INVOICE,
        legal_entity="LTC Software (Shanghai) Co., Ltd.",
        account=ACCOUNT,
        schedule_item=1,
        lines=(
            InvoiceLine(
                line_no=1, description="Edge gateway", net=cny("2700.00"), tax=cny("351.00")
            ),
            InvoiceLine(
                line_no=2,
                description="On-site installation, one day",
                net=cny("870.00"),
                tax=cny("113.10"),
            ),
        ),
        totals=Totals(net=cny("3570.00"), tax=cny("464.10"), gross=cny("4034.10")),
        due_on=DUE_ON,
        issued_at=at(9),
    ),
    InvoicePaid(**_INVOICE, gross=cny("4034.10"), paid_at=at(12)),
    InvoiceOverdue(**_INVOICE, outstanding=cny("4034.10"), due_on=DUE_ON, overdue_at=at(9 * 24)),
    InvoiceCredited(
        **_INVOICE,
        credit_note="CN-2026-000003",
        amount=cny("113.00"),
        reason="late delivery",
        credited_by="finance-02",
        credited_at=at(11),
        lines=(
            InvoiceLine(line_no=1, description="Edge gateway", net=cny("100.00"), tax=cny("13.00")),
        ),
        outstanding=cny("3921.10"),
    ),
    PrepaymentConfirmed(**_PREPAYMENT, evidence=CONFIRMATION, decided_at=at(9)),
    PrepaymentRefused(
        **{**_PREPAYMENT, "captured": cny("0.01")},
        reason="amount_too_small",
        detail="0.01 CNY was captured, and 13447.00 CNY is due",
        decided_at=at(9),
    ),
    PaymentReceived(
        **_PAYMENT,
        bank_reference="BANK-20260306-991",
        source="bank",
        amount=cny("4034.10"),
        payer=ACCOUNT.name,
        unapplied=cny("4034.10"),
        received_at=at(12),
    ),
    PaymentAllocated(
        **_PAYMENT,
        allocations=(
            Allocation(
                invoice_id=INVOICE,
                invoice_number=INVOICE_NUMBER,
                contract_id=CONTRACT,
                amount=cny("4034.10"),
                outstanding=cny("0.00"),
            ),
        ),
        unapplied=cny("0.00"),
        ledger_transaction=derived_id(PAYMENT, "ledger"),
        evidence=CLICK,
        allocated_at=at(12),
    ),
    PaymentUnallocated(
        **_PAYMENT,
        allocations=(
            Allocation(
                invoice_id=INVOICE,
                invoice_number=INVOICE_NUMBER,
                contract_id=CONTRACT,
                amount=cny("4034.10"),
                outstanding=cny("4034.10"),
            ),
        ),
        unapplied=cny("4034.10"),
        reason="insufficient funds",
        ledger_transaction=derived_id(PAYMENT, "ledger back"),
        unallocated_by="bank",
        unallocated_at=at(14),
    ),
    PaymentReturned(
        **_PAYMENT,
        bank_reference="BANK-20260308-112",
        amount=cny("4034.10"),
        unapplied=cny("0.00"),
        reason="insufficient funds",
        ledger_transaction=derived_id(PAYMENT, "ledger returned"),
        returned_by="bank",
        returned_at=at(14),
    ),
    JourneySettled(
        contract_id=CONTRACT,
        contract_number="C-2026-000042",
        deal_id=DEAL,
        lead_id=LEAD,
        account=ACCOUNT,
        contracted=TOTALS.gross,
        invoiced=TOTALS.gross,
        credited=cny("113.00"),
        paid=cny("13334.00"),
        earned=cny("11800.00"),
        settled_at=at(40),
    ),
)
