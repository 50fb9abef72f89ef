"""The doors of billing-svc: finance's, and the bank's."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AwareDatetime, BaseModel, Field

from billing_svc import queries
from billing_svc.commands.cash import (
    StatementLine,
    allocate_by_hand,
    take_statement_line,
)
from billing_svc.commands.invoice import credit_invoice
from billing_svc.policies import Cash, policies
from billing_svc.storage import Invoices
from chassis.auth import Actor, roles
from chassis.domain import DomainError
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_stale
from chassis.idempotency import idempotency_key_required
from chassis.pagination import Cursor, Limit, Page
from chassis.policies import policy_router
from contracts.money import PositiveMoney

FINANCE = ("finance", "admin")
MOVES_MONEY = Depends(idempotency_key_required)

router = APIRouter(route_class=TransactionalRoute, tags=["billing"])
accountant = Annotated[Actor, Depends(roles(*FINANCE))]
bank = Annotated[Actor, Depends(roles("integration_bank", *FINANCE))]
looker = Annotated[
    Actor,
    Depends(
        roles(
            *FINANCE,
            "sales_rep",
            "sales_manager",
            "account_manager",
            "auditor",
            "ops",
            "integration_bank",
        )
    ),
]


class NeedsSecondPerson(DomainError):
    """Beyond the limit, another person than the one who asks must credit."""

    status = 403


class StatementForm(ApiModel):
    """A line of the bank's statement."""

    bank_reference: str = Field(min_length=1, max_length=140)
    amount: PositiveMoney
    booked_at: AwareDatetime
    payer: str | None = Field(default=None, max_length=200)
    remittance: str | None = Field(default=None, max_length=500)


class StatementBatch(ApiModel):
    lines: list[StatementForm] = Field(min_length=1, max_length=1_000)


class LineResult(BaseModel):
    bank_reference: str
    payment_id: UUID
    number: str
    new: bool
    unapplied: PositiveMoney | None


class AllocationForm(ApiModel):
    """What a payment was for."""

    invoice_id: UUID
    amount: PositiveMoney


class CreditForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)
    approved_by: str | None = Field(
        default=None, max_length=200, description="who else agreed; needed beyond the limit"
    )


@router.post("/bank-statements", operation_id="bookStatement", dependencies=[MOVES_MONEY])
async def book_statement(_: bank, tx: Tx, form: StatementBatch) -> list[LineResult]:
    """Book the bank's lines; a line that is known already adds nothing."""
    results = []
    for line in form.lines:
        payment, new = await take_statement_line(StatementLine(**line.model_dump()), tx)
        results.append(
            LineResult(
                bank_reference=line.bank_reference,
                payment_id=payment.id,
                number=payment.number,
                new=new,
                unapplied=payment.unapplied or None,
            )
        )
    return results


@router.get("/invoices", operation_id="listInvoices")
async def list_invoices(
    _: looker,
    tx: Tx,
    status: str | None = None,
    contract: UUID | None = None,
    journey: UUID | None = None,
    number: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.InvoiceView]:
    """Invoices, the newest first."""
    return await queries.list_invoices(
        tx,
        status=status,
        contract=contract,
        journey=journey,
        number=number,
        cursor=cursor,
        limit=limit,
    )


@router.get("/invoices/{invoice_id}", operation_id="showInvoice")
async def show_invoice(
    _: looker, tx: Tx, invoice_id: UUID, response: Response
) -> queries.InvoiceView:
    """One invoice."""
    invoice = await queries.show_invoice(invoice_id, tx)
    response.headers["ETag"] = etag(invoice.revision)
    return invoice


@router.post(
    "/invoices/{invoice_id}/credit-note", operation_id="creditInvoice", dependencies=[MOVES_MONEY]
)
async def credit(
    actor: accountant,
    tx: Tx,
    invoice_id: UUID,
    form: CreditForm,
    seen: Revision,
    response: Response,
) -> queries.InvoiceView:
    """Take back an unpaid invoice; beyond the limit another person must have agreed."""
    invoice = await Invoices(tx).get(invoice_id)
    refuse_stale(seen, tx, invoice_id)
    ruling = await policies.get(tx, "cash", Cash)
    beyond = Decimal(invoice.totals.gross.amount) > ruling.rules.credit_without_second_person
    if beyond and form.approved_by in (None, actor.sub, actor.name):
        raise NeedsSecondPerson(f"{invoice.totals.gross} needs a second person's agreement")
    credited = await credit_invoice(invoice_id, form.reason, tx)
    revision = tx.revision_of(invoice_id)
    response.headers["ETag"] = etag(revision)
    return queries.InvoiceView.model_validate({**credited.model_dump(), "revision": revision})


@router.get("/payments", operation_id="listPayments")
async def list_payments(
    _: looker,
    tx: Tx,
    status: str | None = None,
    reference: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.PaymentView]:
    """Payments, the newest first."""
    return await queries.list_payments(
        tx, status=status, reference=reference, cursor=cursor, limit=limit
    )


@router.get("/payments/{payment_id}", operation_id="showPayment")
async def show_payment(_: looker, tx: Tx, payment_id: UUID) -> queries.PaymentView:
    """One payment, and what it was for."""
    return await queries.show_payment(payment_id, tx)


@router.post(
    "/payments/{payment_id}/allocations",
    operation_id="allocatePayment",
    dependencies=[MOVES_MONEY],
)
async def allocate(
    _: accountant, tx: Tx, payment_id: UUID, form: AllocationForm
) -> queries.PaymentView:
    """Say what a payment was for."""
    payment = await allocate_by_hand(payment_id, form.invoice_id, form.amount, tx)
    revision = tx.revision_of(payment_id)
    return queries.PaymentView.model_validate({**payment.model_dump(), "revision": revision})


@router.get("/billing-accounts/{contract_id}", operation_id="showBillingAccount")
async def show_account(_: looker, tx: Tx, contract_id: UUID) -> queries.AccountView:
    """Everything owed and earned under one contract."""
    return await queries.show_account(contract_id, tx)


@router.get("/ledger/balances", operation_id="showBalances")
async def balances(_: accountant, tx: Tx) -> list[queries.Balance]:
    """What lies on each ledger account."""
    return await queries.balances(tx)


@router.get("/ledger/entries", operation_id="listLedgerEntries")
async def entries(_: accountant, tx: Tx, journey: UUID) -> list[queries.LedgerEntry]:
    """The ledger entries of one journey."""
    return await queries.entries(tx, journey)


@router.get("/totals", operation_id="showTotals")
async def totals(_: looker, tx: Tx) -> list[queries.Totals]:
    """Contracted, invoiced, paid, and the balance of the ledger, by currency."""
    return await queries.totals(tx)


router.include_router(policy_router(policies, readers=FINANCE, changers=FINANCE))
