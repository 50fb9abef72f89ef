"""What contract-svc hears: offers to put under contract, and how contracts are carried out."""

from __future__ import annotations

from typing import Any

from chassis.consumer import Consumer
from chassis.domain import DependencyMissing
from chassis.transaction import Transaction
from contract_svc.commands.draft import contract_id_of, draft_contract
from contract_svc.commands.sign import end_if_asked, withdraw_if_unsigned
from contract_svc.domain.contract import TERMINATION, Contract, InvoiceState
from contract_svc.storage import Contracts
from contracts.billing import InvoiceCredited, InvoiceIssued, InvoicePaid, JourneySettled
from contracts.deal import DealLost
from contracts.money import Money
from contracts.order import OrderCancelled, OrderFulfilled, OrderPlaced
from contracts.quote import QuoteAccepted, QuoteDeclined, QuoteExpired, QuoteSuperseded

consumer = Consumer("contract-svc")


def of_version(fact: Any) -> Any:
    return contract_id_of(fact.quote_id, fact.version)


def of_contract(fact: Any) -> Any:
    return fact.contract_id


async def known(fact: Any, tx: Transaction) -> Contract:
    contract = await Contracts(tx).find(fact.contract_id)
    if contract is None:
        raise DependencyMissing("contract", fact.contract_id)
    return contract


@consumer.on(QuoteAccepted, loads={Contracts: of_version})
async def draft(fact: QuoteAccepted, tx: Transaction) -> None:
    """An accepted version becomes exactly one contract."""
    await draft_contract(fact, tx)


async def withdraw_draft(fact: Any, tx: Transaction) -> None:
    """The offer behind a draft is gone."""
    contract = await Contracts(tx).find(of_version(fact))
    if contract is not None:
        await withdraw_if_unsigned(contract, "the offer is no longer valid", tx)


consumer.on(QuoteDeclined, loads={Contracts: of_version})(withdraw_draft)
consumer.on(QuoteExpired, loads={Contracts: of_version})(withdraw_draft)
consumer.on(QuoteSuperseded, loads={Contracts: of_version})(withdraw_draft)


@consumer.on(DealLost)
async def withdraw_of_deal(fact: DealLost, tx: Transaction) -> None:
    """The deal was given up: whatever is unsigned is taken back."""
    rows = await tx.read(
        "SELECT id FROM contract WHERE deal_id = $1 AND status IN"
        " ('draft', 'approved', 'awaiting_signature') ORDER BY id",
        fact.deal_id,
    )
    for (contract_id,) in rows:
        await withdraw_if_unsigned(await Contracts(tx).get(contract_id), fact.reason, tx)


@consumer.on(OrderPlaced, loads={Contracts: of_contract})
async def note_order(fact: OrderPlaced, tx: Transaction) -> None:
    contract = await known(fact, tx)
    execution = contract.execution.model_copy(update={"order_number": fact.number})
    await Contracts(tx).save(contract.follow(execution, at=tx.now))


@consumer.on(OrderFulfilled, loads={Contracts: of_contract})
async def note_fulfilment(fact: OrderFulfilled, tx: Transaction) -> None:
    contract = await known(fact, tx)
    cancelled = any(p.cancelled for p in fact.progress)
    execution = contract.execution.model_copy(
        update={
            "fulfilled": True,
            "all_cancelled": all(p.cancelled == p.ordered for p in fact.progress),
        }
    )
    contract = contract.follow(execution, at=fact.fulfilled_at)
    if not cancelled:
        contract = contract.pass_gate(
            TERMINATION, by="system:order-svc", at=tx.now, evidence="everything was delivered"
        )
    contract = await Contracts(tx).save(contract)
    await end_if_asked(contract, "system:order-svc", tx)


@consumer.on(OrderCancelled, loads={Contracts: of_contract})
async def note_cancellation(fact: OrderCancelled, tx: Transaction) -> None:
    """The order consents to an early end by cancelling what is left; what is on its way arrives
    first."""
    contract = await known(fact, tx)
    if all(p.cancelled + p.delivered == p.ordered for p in fact.progress):
        await end_if_asked(contract, fact.cancelled_by, tx)


async def note_invoice(fact: Any, state: InvoiceState, tx: Transaction) -> None:
    contract = await known(fact, tx)
    execution = contract.execution.with_invoice(state)
    await Contracts(tx).save(contract.follow(execution, at=tx.now))


@consumer.on(InvoiceIssued, loads={Contracts: of_contract})
async def note_issue(fact: InvoiceIssued, tx: Transaction) -> None:
    zero = Money.zero(fact.totals.gross.currency)
    state = InvoiceState(number=fact.number, gross=fact.totals.gross, credited=zero)
    await note_invoice(fact, state, tx)


@consumer.on(InvoicePaid, loads={Contracts: of_contract})
async def note_payment(fact: InvoicePaid, tx: Transaction) -> None:
    contract = await known(fact, tx)
    state = contract.execution.invoice(fact.number)
    if state is not None:
        await note_invoice(fact, state.model_copy(update={"paid": True}), tx)


@consumer.on(InvoiceCredited, loads={Contracts: of_contract})
async def note_credit(fact: InvoiceCredited, tx: Transaction) -> None:
    contract = await known(fact, tx)
    state = contract.execution.invoice(fact.number)
    if state is not None:
        credited = state.credited + fact.amount
        await note_invoice(fact, state.model_copy(update={"credited": credited}), tx)


@consumer.on(JourneySettled, loads={Contracts: of_contract})
async def note_settlement(fact: JourneySettled, tx: Transaction) -> None:
    contract = await known(fact, tx)
    execution = contract.execution.model_copy(update={"settled": True})
    await Contracts(tx).save(contract.follow(execution, at=fact.settled_at))
