"""What billing-svc hears: contracts to bill, and what of them was delivered."""

from __future__ import annotations

from typing import Any

from billing_svc.commands.cash import (
    apply_known_payment,
    apply_reported_payment,
    payment_id_of,
)
from billing_svc.commands.invoice import charge, note_delivery, opened, save_and_settle
from billing_svc.domain.account import BillingAccount
from billing_svc.policies import Cash, policies
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
    """The payment that is already known of, if there is one."""
    if fact.imported is not None:
        record = fact.imported
        return payment_id_of("imported", f"{record.source_system}:{record.external_id}")
    if fact.prepayment is not None:
        return payment_id_of(fact.prepayment.provider, fact.prepayment.reference)
    return ()


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
    ruling = await policies.get(tx, "cash", Cash)
    prepaid = fact.prepayment
    trusted = prepaid is not None and prepaid.provider in ruling.rules.trust_providers
    paid_already = trusted or fact.imported is not None
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
            paid_at_once=paid_already,
        )
        if paid_already:
            account = await apply_known_payment(account, invoice, tx, cite=ruling.cite)
        elif prepaid is not None:
            account = await apply_reported_payment(account, invoice, prepaid.reference, tx)
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
