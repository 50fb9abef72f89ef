"""Finance's doors: invoices, credit notes, what payments were for."""

from __future__ import annotations

from decimal import Decimal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from billing_svc import queries
from billing_svc.api.doors import MOVES_MONEY, NeedsSecondPerson, accountant, looker, treasurer
from billing_svc.commands import credit
from billing_svc.commands.cash import allocate_by_hand
from billing_svc.policies import Cash, policies
from billing_svc.storage import BillingAccounts
from chassis.audit import audit
from chassis.auth import Actor
from chassis.http import ApiModel, Revision, TransactionalRoute, Tx, etag, refuse_stale
from chassis.pagination import Cursor, Limit, Page
from contracts.money import Money, PositiveMoney
from contracts.references import canonical

router = APIRouter(route_class=TransactionalRoute, tags=["billing"])


class AllocationForm(ApiModel):
    """What a payment was for."""

    invoice_id: UUID
    amount: PositiveMoney


class CreditForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)
    approved_by: str | None = Field(
        default=None, max_length=200, description="who else agreed; needed beyond the limit"
    )


class InvoiceCreditForm(CreditForm):
    amount: PositiveMoney | None = Field(
        default=None, description="gross; all that is left if none"
    )
    again: bool = Field(
        default=False, description="invoice the same anew, because only the document was wrong"
    )


async def need_second_person(amount: Money, form: CreditForm, actor: Actor, tx: Tx) -> None:
    """Raise NeedsSecondPerson when nobody else agreed to a credit beyond the limit."""
    ruling = await policies.get(tx, "cash", Cash)
    beyond = Decimal(amount.amount) > ruling.rules.credit_without_second_person
    if beyond and form.approved_by in (None, actor.sub, actor.name):
        raise NeedsSecondPerson(f"{amount} needs a second person's agreement")


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
async def credit_invoice(
    actor: accountant,
    tx: Tx,
    invoice_id: UUID,
    form: InvoiceCreditForm,
    seen: Revision,
    response: Response,
) -> queries.InvoiceView:
    """Take back an invoice or a part of it; money that paid it is free again. Beyond the limit
    another person must have agreed."""
    invoice = await credit.lock_invoice(invoice_id, tx)
    refuse_stale(seen, tx, invoice_id)
    left = invoice.totals.gross - invoice.credited
    amount = left if form.amount is None else form.amount
    await need_second_person(amount, form, actor, tx)
    credited = await credit.credit_invoice(invoice, form.amount, form.reason, tx, again=form.again)
    audit(
        tx,
        actor,
        "credit",
        "invoice",
        credited.number,
        after=form.model_dump(mode="json"),
        reason=form.reason,
    )
    revision = tx.revision_of(invoice_id)
    response.headers["ETag"] = etag(revision)
    return queries.InvoiceView.model_validate({**credited.model_dump(), "revision": revision})


@router.post(
    "/billing-accounts/{contract_id}/credit-notes",
    operation_id="creditExcess",
    dependencies=[MOVES_MONEY],
)
async def credit_excess(
    actor: accountant, tx: Tx, contract_id: UUID, form: CreditForm
) -> queries.AccountView:
    """Take back all that was invoiced for pieces that were then cancelled."""
    await BillingAccounts(tx).get(contract_id)
    amount = await credit.excess_of(contract_id, tx)
    await need_second_person(amount, form, actor, tx)
    account = await credit.credit_excess(contract_id, form.reason, tx)
    audit(
        tx,
        actor,
        "credit",
        "billing_account",
        account.number,
        after={**form.model_dump(mode="json"), "amount": str(amount)},
        reason=form.reason,
    )
    revision = tx.revision_of(contract_id)
    return queries.AccountView.model_validate({**account.model_dump(), "revision": revision})


@router.get("/payments", operation_id="listPayments")
async def list_payments(
    _: treasurer,
    tx: Tx,
    status: str | None = None,
    reference: str | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.PaymentView]:
    """Payments, the newest first."""
    return await queries.list_payments(
        tx,
        status=status,
        reference=None if reference is None else canonical(reference),
        cursor=cursor,
        limit=limit,
    )


@router.get("/payments/{payment_id}", operation_id="showPayment")
async def show_payment(_: treasurer, tx: Tx, payment_id: UUID) -> queries.PaymentView:
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
