"""The ledger: every transaction balances, and rows are only added."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DBAPIError

from billing_svc.domain import ledger
from contracts.money import Money
from contracts.terms import Totals
from testkit.harness import Harness

minors = st.integers(0, 10**12)


@given(minors, minors)
def test_ledger_postings_add_up_to_zero(net: int, tax: int) -> None:
    one, other = Money(net, "CNY"), Money(tax, "CNY")
    totals = Totals(net=one, tax=other, gross=one + other)
    postings = (
        ledger.issue(totals),
        ledger.recognise(one),
        ledger.receive("alipay", one),
        ledger.allocate(one),
        ledger.credit(one, other, Money(net // 2, "CNY")),
        ledger.reverse(ledger.receive("bank", other)),
    )

    for entries in postings:
        assert sum(entry.amount.minor for entry in entries) == 0
        assert not any(entry.amount.is_zero for entry in entries)


def test_ledger_credit_note_reverses_its_invoice() -> None:
    net, tax = Money(100_00, "CNY"), Money(6_00, "CNY")
    issued = ledger.issue(Totals(net=net, tax=tax, gross=net + tax))

    assert {(e.account, -e.amount) for e in issued} == {
        (e.account, e.amount) for e in ledger.credit(net, tax, Money(0, "CNY"))
    }


INSERT = (
    "INSERT INTO ledger_entry VALUES ($1, 1, 'bank', 'CNY', 5, 'receive', $1, 'P-1', now(), now()),"
    " ($1, 2, 'unapplied_cash', 'CNY', $2, 'receive', $1, 'P-1', now(), now())"
)


async def test_ledger_refuses_an_unbalanced_transaction_in_the_database(
    billing_svc: Harness,
) -> None:
    with pytest.raises(DBAPIError, match="does not add up"):
        await billing_svc.execute(INSERT, uuid4(), -4)
    await billing_svc.execute(INSERT, uuid4(), -5)

    assert await billing_svc.rows("SELECT count(*) FROM ledger_entry") == [(2,)]


@pytest.mark.parametrize(
    "statement", ["UPDATE ledger_entry SET minor = 1", "DELETE FROM ledger_entry"]
)
async def test_ledger_rows_are_never_changed(billing_svc: Harness, statement: str) -> None:
    await billing_svc.execute(INSERT, uuid4(), -5)

    with pytest.raises(DBAPIError, match="never changed"):
        await billing_svc.execute(statement)


@given(minors.filter(bool), minors, st.integers(0, 100))
def test_ledger_credit_of_earned_revenue_reduces_it(net: int, tax: int, part: int) -> None:
    earned = Money(net * part // 100, "CNY")
    entries = {
        e.account: e.amount for e in ledger.credit(Money(net, "CNY"), Money(tax, "CNY"), earned)
    }

    assert entries.get(ledger.REVENUE, Money(0, "CNY")) == earned
    assert entries[ledger.RECEIVABLE] == -Money(net + tax, "CNY")
