"""Signing, refusing, withdrawing, ending."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from chassis.transaction import Transaction
from contract_svc.commands.draft import company_signs_by_policy, policy_signature
from contract_svc.domain.contract import (
    COMPANY,
    CUSTOMER,
    LIFECYCLE,
    TERMINATION,
    Contract,
    Status,
)
from contract_svc.policies import Signing, policies
from contract_svc.storage import Contracts
from contracts.terms import Evidence


async def sign_contract(
    contract_id: UUID, party: str, evidence: Evidence, tx: Transaction
) -> Contract:
    """A party signs; under a small standard contract the company's policy signs second."""
    contracts = Contracts(tx)
    ruling = await policies.get(tx, "signing", Signing)
    contract, facts = (await contracts.get(contract_id)).sign(party, evidence, at=tx.now)
    if (
        party == CUSTOMER
        and contract.status is not Status.SIGNED
        and company_signs_by_policy(contract, ruling.rules)
    ):
        ours = policy_signature(contract, ruling.cite, tx.now)
        contract, last = contract.sign(COMPANY, ours, at=tx.now)
        facts += last
    await contracts.save(contract)
    for fact in facts:
        tx.publish(fact)
    if contract.status is Status.SIGNED:
        within = timedelta(days=ruling.rules.execute_within_days)
        contract = await contracts.save(contract.await_execution(at=tx.now, within=within))
    return contract


async def decline_contract(contract_id: UUID, party: str, reason: str, tx: Transaction) -> Contract:
    contracts = Contracts(tx)
    contract = await contracts.get(contract_id)
    declined, fact = contract.decline(party=party, reason=reason, at=tx.now)
    await contracts.save(declined)
    tx.publish(fact)
    return declined


async def withdraw_if_unsigned(contract: Contract, reason: str, tx: Transaction) -> None:
    """What it was drafted from is gone; a signed contract stays."""
    if LIFECYCLE.allows(contract.status, Status.WITHDRAWN):
        withdrawn, fact = contract.withdraw(reason=reason, by="system:contract-svc", at=tx.now)
        await Contracts(tx).save(withdrawn)
        tx.publish(fact)


async def withdraw_contract(contract_id: UUID, reason: str, tx: Transaction) -> Contract:
    contracts = Contracts(tx)
    contract = await contracts.get(contract_id)
    withdrawn, fact = contract.withdraw(reason=reason, by=tx.actor.sub, at=tx.now)
    await contracts.save(withdrawn)
    tx.publish(fact)
    return withdrawn


async def ask_termination(contract_id: UUID, reason: str, tx: Transaction) -> Contract:
    contracts = Contracts(tx)
    contract = await contracts.get(contract_id)
    return await contracts.save(contract.ask_termination(reason=reason, at=tx.now))


async def refuse_termination(contract_id: UUID, reason: str, tx: Transaction) -> Contract:
    contracts = Contracts(tx)
    contract = await contracts.get(contract_id)
    refused = contract.refuse_termination(reason=reason, by=tx.actor.sub, at=tx.now)
    return await contracts.save(refused)


async def end_if_asked(contract: Contract, by: str, tx: Transaction) -> None:
    """The order has consented, and nothing of it is left."""
    if contract.gate(TERMINATION) and contract.status is Status.SIGNED:
        ended, fact = contract.terminate(by=by, at=tx.now)
        await Contracts(tx).save(ended)
        tx.publish(fact)
