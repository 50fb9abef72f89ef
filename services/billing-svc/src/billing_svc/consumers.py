"""What billing-svc hears: contracts to bill, and what of them was delivered."""

from __future__ import annotations

from typing import Any

from billing_svc.commands.invoice import charge, note_delivery, opened, save_and_settle
from billing_svc.commands.prepayment import (
    apply_prepaid,
    apply_recorded,
    decide_prepayment,
    prepaid_money,
    prepayment_ids,
    recorded_id,
)
from billing_svc.domain.account import BillingAccount
from billing_svc.storage import BillingAccounts, Payments
from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
from contracts.contract import ContractSigned, ContractTerminated
from contracts.order import OrderCancelled, OrderDelivered, OrderFulfilled

consumer = Consumer("billing-svc")


def of_contract(fact: Any) -> Any:
    return fact.contract_id


def of_payment(fact: ContractSigned) -> Any:
    """The payments that may be known of already."""
    if fact.imported is not None:
        return recorded_id(fact.imported)
    return () if fact.prepayment is None else prepayment_ids(fact.prepayment)


async def known(fact: Any, tx: Transaction) -> BillingAccount:
    account = await BillingAccounts(tx).find(fact.contract_id)
    if account is None:
        raise DependencyMissing("billingaccount", fact.contract_id)
    return account


@consumer.on(ContractSigned, loads={BillingAccounts: of_contract, Payments: of_payment})
async def open_account(fact: ContractSigned, tx: Transaction) -> None:
    """A signed contract gets its account; what is due with the signature is invoiced, and what is
    already paid is applied."""
    accounts = BillingAccounts(tx)
    if await accounts.find(fact.contract_id) is not None:
        return
    account = opened(fact, tx.journey_id)
    await accounts.save(account)
    prepaid = await prepaid_money(account, tx)
    for item in account.due_items("on_signature", now=max(tx.now, fact.signed_at)):
        if item.amount.is_zero:
            account = account.waive(item.n)
            continue
        account, invoice = await charge(
            account,
            account.item_lines(item),
            item=item.n,
            part=0,
            at=fact.signed_at,
            tx=tx,
            paid_at_once=prepaid is not None or fact.imported is not None,
        )
        if fact.imported is not None:
            account = await apply_recorded(account, fact.imported, invoice, tx)
        elif prepaid is not None:
            account = await apply_prepaid(account, invoice, prepaid, tx)
    account = await decide_prepayment(account, account.due_on_signature, tx)
    await accounts.save(account)


async def follow_delivery(fact: Any, tx: Transaction, *, at: Any, fulfilled: bool) -> None:
    account = await known(fact, tx)
    account = await note_delivery(account, fact.progress, fulfilled=fulfilled, at=at, tx=tx)
    await save_and_settle(account, tx)


@consumer.on(OrderDelivered, loads={BillingAccounts: of_contract})
async def earn(fact: OrderDelivered, tx: Transaction) -> None:
    """What was delivered is earned."""
    await follow_delivery(fact, tx, at=fact.delivered_at, fulfilled=False)


@consumer.on(OrderCancelled, loads={BillingAccounts: of_contract})
async def owe_less(fact: OrderCancelled, tx: Transaction) -> None:
    """What was cancelled is not owed."""
    await follow_delivery(fact, tx, at=fact.cancelled_at, fulfilled=False)


@consumer.on(OrderFulfilled, loads={BillingAccounts: of_contract})
async def complete(fact: OrderFulfilled, tx: Transaction) -> None:
    """Nothing more will be delivered."""
    await follow_delivery(fact, tx, at=fact.fulfilled_at, fulfilled=True)


@consumer.on(ContractTerminated, loads={BillingAccounts: of_contract})
async def close(fact: ContractTerminated, tx: Transaction) -> None:
    """The order has cancelled what was left; what remains is to be paid or credited."""
    await save_and_settle(await known(fact, tx), tx)
