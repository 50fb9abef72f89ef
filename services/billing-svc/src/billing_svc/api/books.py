"""The books: accounts, ledger, totals."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter

from billing_svc import queries
from billing_svc.api.doors import auditor, looker
from chassis.http import TransactionalRoute, Tx

router = APIRouter(route_class=TransactionalRoute, tags=["books"])


@router.get("/billing-accounts/{contract_id}", operation_id="showBillingAccount")
async def show_account(_: looker, tx: Tx, contract_id: UUID) -> queries.AccountView:
    """Everything owed and earned under one contract."""
    return await queries.show_account(contract_id, tx)


@router.get("/ledger/balances", operation_id="showBalances")
async def balances(_: auditor, tx: Tx) -> list[queries.Balance]:
    """What lies on each ledger account."""
    return await queries.balances(tx)


@router.get("/ledger/entries", operation_id="listLedgerEntries")
async def entries(_: auditor, tx: Tx, journey: UUID) -> list[queries.LedgerEntry]:
    """The ledger entries of one journey."""
    return await queries.entries(tx, journey)


@router.get("/totals", operation_id="showTotals")
async def totals(_: looker, tx: Tx) -> list[queries.Totals]:
    """Contracted, invoiced, paid, and the balance of the ledger, by currency."""
    return await queries.totals(tx)
