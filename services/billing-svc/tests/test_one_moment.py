"""A bank line and a captured prepayment with one reference, in two transactions at one moment."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from billing_builders import GROSS, NOW, UPFRONT, a_line, a_signature, books_agree, report

from billing_svc.commands.cash import StatementLine
from billing_svc.commands.invoice import opened
from billing_svc.commands.prepayment import prepaid_money
from billing_svc.commands.statement import lock_named, take_statement_line
from contracts.billing import InvoicePaid
from contracts.terms import Prepayment
from testkit.harness import JOURNEY, Harness

PREPAID = Prepayment(provider="alipay", reference="P-1", amount=GROSS, captured_at=NOW)
LINE = StatementLine(bank_reference="P-1", amount=GROSS, booked_at=NOW, payer="Alipay")
WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def begun(billing_svc: Harness, other: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """The other transaction, once it has ended or waits for the one that is open."""
    task = asyncio.create_task(other)
    waiting = [(0,)]
    while not task.done() and waiting == [(0,)]:
        waiting = await billing_svc.rows(WAITING)
    return task


async def sources(billing_svc: Harness) -> list[str]:
    return [row[0] for row in await billing_svc.rows("SELECT source FROM payment")]


async def test_prepayment_during_a_statement_uses_the_money_of_the_bank(
    billing_svc: Harness,
) -> None:
    signature = a_signature(UPFRONT, prepayment=PREPAID)
    async with billing_svc.transaction() as tx:
        await lock_named([LINE], tx)
        await take_statement_line(LINE, tx)
        signing = await begun(billing_svc, billing_svc.receives(signature))
    await signing

    assert await sources(billing_svc) == ["bank"]
    assert len(await billing_svc.published(InvoicePaid)) == 1
    await books_agree(billing_svc)


async def test_statement_during_a_prepayment_pays_the_captured_money_out(
    billing_svc: Harness,
) -> None:
    account = opened(a_signature(UPFRONT, prepayment=PREPAID), JOURNEY)
    payout = a_line("", GROSS, "P-1", payer="Alipay", remittance=None)
    async with billing_svc.transaction() as tx:
        await prepaid_money(account, tx)
        reporting = await begun(billing_svc, report(billing_svc, payout))
    answer = await reporting

    assert answer.json()[0]["outcome"] == "booked"
    assert await sources(billing_svc) == ["alipay"]
    await books_agree(billing_svc)


@pytest.mark.parametrize("payer", ["ACME", "Acme, Ltd.", "Ａｃｍｅ", "acme  limited"])
async def test_line_without_a_number_pays_the_only_invoice_of_its_amount_and_payer(
    billing_svc: Harness, payer: str
) -> None:
    await billing_svc.receives(a_signature(UPFRONT))
    line = a_line("", GROSS, "B-1", payer=payer, remittance=None)
    assert (await report(billing_svc, line)).json()[0]["unapplied"] is None

    assert len(await billing_svc.published(InvoicePaid)) == 1
