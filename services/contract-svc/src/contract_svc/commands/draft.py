"""From an accepted offer to a text that waits for signatures, or already has them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from chassis.domain import NotFound
from chassis.transaction import Transaction
from contract_svc.domain.contract import COMPANY, CUSTOMER, Contract
from contract_svc.domain.schedule import schedule
from contract_svc.domain.text import render, text_hash
from contract_svc.policies import Signing, policies
from contract_svc.storage import Contracts, ContractTextRow, clause_library
from contracts.ids import derived_id
from contracts.quote import QuoteAccepted
from contracts.terms import Evidence


def contract_id_of(quote_id: UUID, version: int) -> UUID:
    """One contract per accepted version."""
    return derived_id(quote_id, f"contract:{version}")


async def draft_contract(fact: QuoteAccepted, tx: Transaction) -> None:
    """Copy the accepted version under the standard clauses and take it as far as it may go."""
    contracts = Contracts(tx)
    contract_id = contract_id_of(fact.quote_id, fact.version)
    if await contracts.find(contract_id) is not None:
        return
    ruling = await policies.get(tx, "signing", Signing)
    rules = ruling.rules
    library = await clause_library(tx)
    missing = [name for name in rules.clauses if name not in library]
    if missing:
        raise NotFound(f"the clause library lacks {', '.join(missing)}")
    clauses = [library[name] for name in rules.clauses]
    number = await tx.number("C")
    items = schedule(fact.payment_terms, fact.totals.gross)
    text = render(
        number=number,
        quote=f"{fact.number} v{fact.version}",
        legal_entity=rules.legal_entity,
        account=fact.account,
        lines=fact.lines,
        totals=fact.totals,
        schedule=items,
        clauses=clauses,
    )
    contract = Contract(
        id=contract_id,
        journey_id=tx.journey_id,
        number=number,
        quote_id=fact.quote_id,
        quote_number=fact.number,
        quote_version=fact.version,
        version_hash=fact.version_hash,
        deal_id=fact.deal_id,
        deal_number=fact.deal_number,
        lead_id=fact.lead_id,
        account=fact.account,
        contact=fact.contact,
        owner=fact.owner,
        legal_entity=rules.legal_entity,
        lines=fact.lines,
        totals=fact.totals,
        payment_terms=fact.payment_terms,
        schedule=items,
        clauses=tuple(clause.name for clause in clauses),
        text_hash=text_hash(text),
        prepayment=fact.prepayment,
        imported=fact.imported,
    )
    tx.insert(
        ContractTextRow,
        contract_id=contract_id,
        text=text,
        text_hash=contract.text_hash,
        written_at=tx.now,
    )
    await _send_for_signature(contract, fact, tx, rules, ruling.cite)


async def _send_for_signature(
    contract: Contract, fact: QuoteAccepted, tx: Transaction, rules: Signing, cite: str
) -> None:
    """Standard clauses need no lawyer: sent at once, and signed at once where that is proven."""
    contracts = Contracts(tx)
    at = fact.accepted_at
    due_at = max(at, tx.now) + timedelta(days=rules.sign_within_days)
    drafted = contract.drafted(at=at)
    contract, sent = contract.approve(by=cite, at=tx.now).send(at=at, due_at=due_at)
    consented = rules.express and fact.consent_covers_signature
    if consented:
        theirs = fact.evidence.model_copy(update={"text_hash": contract.text_hash})
        ours = policy_signature(contract, cite, at)
        contract, first = contract.sign(CUSTOMER, theirs, at=at)
        contract, last = contract.sign(COMPANY, ours, at=at)
        await contracts.save(contract)
        for said in (drafted, sent, *first, *last):
            tx.publish(said)
        return
    await contracts.save(contract)
    tx.publish(drafted)
    tx.publish(sent)
    contract = contract.await_signature(CUSTOMER, at=tx.now, due_at=due_at)
    if not company_signs_by_policy(contract, rules):
        contract = contract.await_signature(COMPANY, at=tx.now, due_at=due_at)
    await contracts.save(contract)


def company_signs_by_policy(contract: Contract, rules: Signing) -> bool:
    return Decimal(contract.totals.gross.amount) < rules.company_signs_below


def policy_signature(contract: Contract, cite: str, at: datetime) -> Evidence:
    """The company's own signature under a standard contract: a policy it has set for itself."""
    return Evidence(
        by=contract.legal_entity,
        at=at,
        method="policy",
        reference=cite,
        text_hash=contract.text_hash,
    )
