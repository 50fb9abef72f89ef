"""Invoices: lifecycle, API, timers, and database constraints."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from billing_builders import (
    CONTRACT,
    GROSS,
    NET,
    NOW,
    TAX,
    UPFRONT,
    a_signature,
    books_agree,
    pay,
)
from sqlalchemy.exc import DBAPIError

from billing_svc.commands.invoice import invoice_id_of, opened
from billing_svc.domain.invoice import LIFECYCLE, CreditNote, Invoice, Status, TooMuch
from chassis.domain import DomainError
from contracts.billing import InvoiceIssued, InvoiceLine, InvoiceOverdue, InvoicePaid
from contracts.ids import ContractId, PaymentId
from contracts.money import Money
from contracts.terms import ScheduleItem, Totals
from testkit.harness import Harness

ACCOUNT = opened(a_signature(), UUID(int=7))
LINE = InvoiceLine(line_no=1, description="x", net=NET, tax=TAX)
HALF = Money(GROSS.minor // 2, "CNY")
PAYMENT = PaymentId(UUID(int=9))


def an_invoice(status: Status) -> Invoice:
    paid = {Status.PARTIALLY_PAID: HALF, Status.PAID: GROSS}.get(status, Money(0, "CNY"))
    invoice = Invoice(
        id=UUID(int=8),
        journey_id=UUID(int=7),
        number="INV-1",
        status=status,
        contract_id=ContractId(CONTRACT),
        deal_id=ACCOUNT.deal_id,
        account=ACCOUNT.account,
        legal_entity="LTC",
        schedule_item=1,
        lines=(LINE,),
        totals=Totals(net=NET, tax=TAX, gross=GROSS),
        paid=paid,
        due_on=NOW.date(),
        issued_at=NOW,
    )
    if status is Status.CREDITED:
        return invoice.model_copy(update={"credit_notes": (a_note(),)})
    return invoice


def a_note() -> CreditNote:
    return CreditNote(number="CN-1", lines=(LINE,), reason="x", by="x", at=NOW)


def pay_up_to(amount: Money) -> Callable[[Invoice], Invoice]:
    """Pay or take back until so much is paid."""

    def move(invoice: Invoice) -> Invoice:
        if invoice.paid > amount:
            return invoice.unpay(invoice.paid - amount, at=NOW, due_at=NOW)
        return invoice.pay(amount - invoice.paid, PAYMENT, by="x", at=NOW, now=NOW)[0]

    return move


MOVES: dict[Status, Callable[[Invoice], Invoice]] = {
    Status.ISSUED: lambda i: (
        i.issue()[0] if i.status in (Status.DRAFT, Status.ISSUED) else pay_up_to(Money(0, "CNY"))(i)
    ),
    Status.PARTIALLY_PAID: pay_up_to(HALF),
    Status.PAID: pay_up_to(GROSS),
    Status.CREDITED: lambda i: i.credit(a_note())[0],
}


@pytest.mark.parametrize("target", MOVES)
@pytest.mark.parametrize("status", Status)
def test_invoice_lifecycle_allows_exactly_its_table(status: Status, target: Status) -> None:
    before = an_invoice(status)
    if LIFECYCLE.allows(status, target):
        assert MOVES[target](before).status is target
    else:
        with pytest.raises(DomainError):
            MOVES[target](before)


@pytest.mark.parametrize("minor", [0, -1, GROSS.minor + 1])
def test_invoice_refuses_payment_and_credit_beyond_the_outstanding_amount(minor: int) -> None:
    invoice = an_invoice(Status.ISSUED)
    with pytest.raises(TooMuch):
        invoice.pay(Money(minor, "CNY"), PAYMENT, by="x", at=NOW, now=NOW)
    line = LINE.model_copy(update={"net": Money(minor, "CNY"), "tax": Money(0, "CNY")})
    note = a_note().model_copy(update={"lines": (line,)})
    with pytest.raises(TooMuch):
        invoice.credit(note)


async def test_invoice_becomes_overdue_once_and_not_when_paid_meanwhile(
    billing_svc: Harness,
) -> None:
    long_ago = NOW - timedelta(days=60)
    await billing_svc.receives(
        a_signature(UPFRONT, signed_at=long_ago),
        a_signature(UPFRONT, signed_at=long_ago, contract_id=uuid4()),
        a_signature(UPFRONT, contract_id=uuid4()),
    )
    paid, late, _ = await billing_svc.published(InvoiceIssued)
    await pay(billing_svc, paid.number, GROSS)

    assert [await billing_svc.tick("find_overdue") for _ in range(2)] == [1, 0]
    [overdue] = await billing_svc.published(InvoiceOverdue)
    assert (overdue.number, overdue.outstanding) == (late.number, GROSS)
    await pay(billing_svc, late.number, GROSS, "B-2")
    assert len(await billing_svc.published(InvoicePaid)) == 2


async def test_instalment_timer_invoices_each_on_its_day_once(billing_svc: Harness) -> None:
    first, second = GROSS.split(1, 1)
    items = (
        ScheduleItem(n=1, due="days_after_signature", days=10, amount=first),
        ScheduleItem(n=2, due="days_after_signature", days=40, amount=second),
    )
    await billing_svc.receives(a_signature(*items, signed_at=NOW - timedelta(days=20)))
    assert [await billing_svc.tick("charge_instalments") for _ in range(2)] == [1, 0]

    [issued] = await billing_svc.published(InvoiceIssued)
    assert issued.schedule_item == 1
    await books_agree(billing_svc)


async def test_invoice_list_is_paged_and_needs_a_role(billing_svc: Harness) -> None:
    await billing_svc.receives(*(a_signature(UPFRONT, contract_id=uuid4()) for _ in range(5)))
    async with billing_svc.client("account_manager") as looker:
        found, cursor = [], {}
        while cursor is not None:
            page = (await looker.get("/invoices", params={"limit": 2, **cursor})).json()
            found += [invoice["number"] for invoice in page["items"]]
            cursor = {"cursor": page["next"]} if page["next"] else None
        one = (await looker.get("/invoices", params={"number": found[0]})).json()["items"]
        shown = await looker.get(f"/invoices/{one[0]['id']}")
        missing = await looker.get(f"/invoices/{uuid4()}")
        books = await looker.get("/ledger/balances")
    async with billing_svc.client("integration_web") as stranger:
        forbidden = await stranger.get("/invoices")

    assert len(set(found)) == len(found) == 5
    assert shown.headers["ETag"] == f'"v{shown.json()["revision"]}"'
    assert [a.status_code for a in (missing, books, forbidden)] == [404, 403, 403]


async def test_invoice_numbers_have_no_gaps(billing_svc: Harness) -> None:
    for _ in range(2):
        await billing_svc.receives(*(a_signature(UPFRONT, contract_id=uuid4()) for _ in range(3)))
    numbers = sorted(int(i.number[-6:]) for i in await billing_svc.published(InvoiceIssued))

    assert numbers == list(range(1, 7))


CLASHES = {
    "a second invoice of an item": (
        "INSERT INTO invoice SELECT (jsonb_populate_record(i, jsonb_build_object('id',"
        " gen_random_uuid()))).* FROM invoice i",
        "uq_invoice_item",
    ),
    "more outstanding than invoiced": (
        "UPDATE invoice SET outstanding_minor = gross_minor + 1",
        "ck_invoice_within",
    ),
    "less than nothing outstanding": (
        "UPDATE invoice SET outstanding_minor = -1",
        "ck_invoice_outstanding",
    ),
    "more applied than received": (
        "UPDATE payment SET unapplied_minor = -1",
        "ck_payment_unapplied",
    ),
    "a second payment of a reference": (
        "UPDATE payment SET bank_reference = 'B-1'",
        "uq_payment_reference",
    ),
    "more paid than invoiced": (
        "UPDATE billing_account SET paid_minor = invoiced_minor + 1",
        "ck_billing_account_within",
    ),
    "another sum of an issued invoice": ("UPDATE invoice SET gross_minor = 1", "never changes"),
    "an issued invoice gone": ("DELETE FROM invoice", "never changes"),
}


@pytest.mark.parametrize("clash", CLASHES)
async def test_invoice_constraints_hold_in_the_database(billing_svc: Harness, clash: str) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    for reference in ("B-1", "B-2"):
        await pay(billing_svc, "nobody", Money(5_00, "CNY"), reference)
    assert await billing_svc.rows("SELECT id FROM invoice") == [(invoice_id_of(CONTRACT, 1),)]
    statement, named = CLASHES[clash]
    with pytest.raises(DBAPIError, match=named):
        await billing_svc.execute(statement)
