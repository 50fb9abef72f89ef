"""Opening deals: from a qualified lead, by hand, or moved from another system."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from contracts.ids import AccountId, DealId, derived_id, new_id
from contracts.keys import bounded, folded, reference_key
from contracts.lead import LeadQualified
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import ImportedOutcome, Origin, PaymentTerms, WantedLine
from contracts.text import one_line
from deal_svc.domain.deal import Deal, Stage
from deal_svc.policies import Pipeline, policies
from deal_svc.storage import Deals, ExternalRow

IMPORTS = UUID("6c74632d-6465-616c-7300-000000000001")


async def open_from_lead(fact: LeadQualified, deal_id: DealId, tx: Transaction) -> Deal:
    """Open the lead's deal; with a web order, ask for the proposal in the same commit."""
    ruling = await policies.get(tx, "pipeline", Pipeline)
    order = fact.web_order
    account = fact.account
    if account is None and order is not None:
        # A person who orders for themselves is their own customer.
        account = Account(
            account_id=AccountId(derived_id(fact.contact.contact_id, "account")),
            name=fact.contact.name,
        )
    deal = Deal(
        id=deal_id,
        journey_id=tx.journey_id,
        number=await tx.number("D"),
        lead_id=fact.lead_id,
        account=account,
        contact=fact.contact,
        origin=fact.origin,
        owner=fact.owner,
        title=one_line(fact.need or (account.name if account else fact.contact.name), 200),
        currency=order.currency if order else "CNY",
        lines=order.lines if order else (),
        payment_terms=PaymentTerms(
            kind="prepaid" if order and order.prepayment else "on_delivery",
            net_days=ruling.rules.net_days,
        ),
        web_order=order,
        opened_at=fact.qualified_at,
    )
    return await store_opened(deal, tx, ruling.rules, by=ruling.cite, ask=order is not None)


async def store_opened(deal: Deal, tx: Transaction, rules: Pipeline, *, by: str, ask: bool) -> Deal:
    """Save a new deal, say it, and either ask for the proposal or wait for a person."""
    deals = Deals(tx)
    if ask:
        asked, request = deal.request_proposal(
            by=by, at=deal.opened_at, validity_days=rules.validity_days
        )
        await deals.save(asked)
        tx.publish(deal.opened())
        tx.publish(request)
        return asked
    await deals.save(deal)
    tx.publish(deal.opened())
    if deal.lines:
        waiting = deal.await_proposal(
            at=tx.now, within=timedelta(hours=rules.proposal_within_hours)
        )
    else:
        waiting = deal.await_needs(at=tx.now, within=timedelta(hours=rules.needs_within_hours))
    return await deals.save(waiting)


class OpenDeal(BaseModel, frozen=True):
    """A deal opened by hand."""

    title: str
    account: Account
    contact: Contact | None = None
    origin: Origin
    owner: Owner | None = None
    amount: Money | None = None
    lines: tuple[WantedLine, ...] = ()
    payment_terms: PaymentTerms | None = None
    currency: str = "CNY"


async def open_by_hand(command: OpenDeal, tx: Transaction) -> Deal:
    """Start a journey without a lead."""
    ruling = await policies.get(tx, "pipeline", Pipeline)
    deal = Deal(
        id=new_id(),
        journey_id=new_id(),
        number=await tx.number("D"),
        title=command.title,
        account=command.account,
        contact=command.contact,
        origin=command.origin,
        owner=command.owner,
        amount=command.amount,
        lines=command.lines,
        payment_terms=command.payment_terms or PaymentTerms(kind="on_delivery"),
        currency=command.currency,
        opened_at=tx.now,
    )
    return await store_opened(deal, tx, ruling.rules, by=tx.actor.sub, ask=False)


class MovedDeal(BaseModel, frozen=True):
    """A deal as another system knew it."""

    source_system: str
    external_id: str
    owner: Owner | None
    account: str | None
    product: str
    stage: Literal["prospecting", "engaging", "won", "lost"]
    value: Money | None
    engaged_at: AwareDatetime | None
    closed_at: AwareDatetime | None

    @property
    def key(self) -> str:
        return reference_key(self.source_system, self.external_id)


class Moved(BaseModel, frozen=True):
    """What became of one moved deal."""

    outcome: Literal["accepted", "duplicate"]
    deal_id: UUID
    number: str


async def take_over(offered: Sequence[MovedDeal], tx: Transaction) -> list[Moved]:
    """Take over deals; known by the other system's name alone, so a second time adds nothing."""
    tx.trace_apart()
    ruling = await policies.get(tx, "pipeline", Pipeline)
    keys = sorted({deal.key for deal in offered})
    rows = await tx.read(
        "SELECT key, deal_id, number FROM external_deal WHERE key = ANY($1::text[])", keys
    )
    known = {row[0]: Moved(outcome="duplicate", deal_id=row[1], number=row[2]) for row in rows}
    results: list[Moved] = []
    claims: list[dict[str, object]] = []
    for moved in offered:
        if moved.key in known:
            results.append(known[moved.key])
            continue
        deal = _taken_over(moved, await tx.number("D"), tx.now)
        await tx.expect_new(Deals, (deal.id,))
        await _store_moved(deal, moved, tx, ruling.rules)
        claims.append({"key": moved.key, "deal_id": deal.id, "number": deal.number})
        results.append(Moved(outcome="accepted", deal_id=deal.id, number=deal.number))
        known[moved.key] = Moved(outcome="duplicate", deal_id=deal.id, number=deal.number)
    claims.sort(key=lambda claim: str(claim["key"]))
    await bulk.insert(tx.connection, table_of(ExternalRow), claims)
    return results


def _taken_over(moved: MovedDeal, number: str, now: datetime) -> Deal:
    account = (
        Account(
            account_id=AccountId(derived_id(IMPORTS, bounded(f"account:{folded(moved.account)}"))),
            name=moved.account,
        )
        if moved.account
        else None
    )
    won = moved.stage == "won" and moved.value is not None and moved.closed_at is not None
    return Deal(
        id=derived_id(IMPORTS, f"deal:{moved.key}"),
        journey_id=new_id(),
        number=number,
        title=f"{moved.product} ({moved.external_id})",
        account=account,
        origin=Origin(
            channel="import", source_system=moved.source_system, external_id=moved.external_id
        ),
        owner=moved.owner,
        stage=Stage.QUALIFICATION if moved.stage == "prospecting" else Stage.NEEDS,
        amount=moved.value,
        currency="USD" if moved.value is None else moved.value.currency,
        lines=(WantedLine(sku=moved.product, quantity=1),),
        payment_terms=PaymentTerms(kind="prepaid" if won else "on_delivery"),
        imported=ImportedOutcome(
            source_system=moved.source_system,
            external_id=moved.external_id,
            agreed=moved.value,
            closed_at=moved.closed_at,
        )
        if won and moved.value is not None and moved.closed_at is not None
        else None,
        moved=True,
        opened_at=moved.engaged_at or moved.closed_at or now,
    )


async def _store_moved(deal: Deal, moved: MovedDeal, tx: Transaction, rules: Pipeline) -> None:
    """Won ones go on through the chain with their dates, lost ones end, the others wait."""
    if moved.stage == "lost":
        deals = Deals(tx)
        closed_at = moved.closed_at or tx.now
        lost, fact = deal.lose(
            reason=f"lost in {moved.source_system}",
            competitor=None,
            by=f"import:{moved.source_system}",
            at=closed_at,
        )
        await deals.save(lost)
        tx.publish(deal.opened())
        tx.publish(fact)
        return
    if moved.stage == "prospecting":
        deal = deal.model_copy(update={"lines": ()})
    await store_opened(
        deal, tx, rules, by=f"import:{moved.source_system}", ask=moved.stage == "won"
    )
