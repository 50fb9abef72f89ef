"""Taking leads in: one or thousands, each accepted, recognised as a duplicate, or refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID, uuid5

from pydantic import BaseModel

from chassis import bulk
from chassis.tables import table_of
from chassis.transaction import Transaction
from contracts.ids import AccountId, ContactId, new_id
from contracts.keys import bounded, company_key
from contracts.money import Money
from contracts.parties import Account, Contact, Owner
from contracts.terms import Origin, WebOrder
from lead_svc.commands.recognise import Found, Known, claim, find, keep_candidates
from lead_svc.commands.register import PARTIES, contact_key, party_row
from lead_svc.domain import identity
from lead_svc.domain.lead import Lead
from lead_svc.domain.scoring import score
from lead_svc.policies import Qualification, policies
from lead_svc.storage import Leads, PartyRow

FLUSH_EVERY = 500
"""Leads of one request that are written at once, so that a long one lets others in between."""


class CaptureLead(BaseModel, frozen=True):
    """A lead as it is to be stored: text as written, addresses and numbers as read."""

    name: str
    email: str | None = None
    phone: str | None = None
    company: str | None = None
    domain: str | None = None
    origin: Origin
    need: str | None = None
    budget: Money | None = None
    owner: Owner | None = None
    order: WebOrder | None = None
    captured_at: datetime | None = None

    def keys(self) -> identity.Keys:
        return identity.keys_of(
            email=self.email,
            phone=self.phone,
            company=self.company,
            name=self.name,
            origin=self.origin,
        )


class Captured(BaseModel, frozen=True):
    """What became of one lead that was offered."""

    outcome: Literal["accepted", "duplicate"]
    lead_id: UUID
    number: str
    journey_id: UUID | None = None
    duplicate_of_row: int | None = None
    """The earlier row of the same batch that it repeats, counted from 0."""
    candidates: list[str] = []
    """Numbers of leads with the same name and company: a person decides whether they are one."""


async def capture_leads(offered: Sequence[CaptureLead], tx: Transaction) -> list[Captured]:
    """Store the new ones among the offered, in one go."""
    if len(offered) > 1:
        tx.trace_apart()
    keys = [lead.keys() for lead in offered]
    stored = await find(tx, keys)
    first_row: dict[str, int] = {}
    results: list[Captured | None] = [None] * len(offered)
    fresh: list[int] = []
    for row, (certain, _possible) in enumerate(keys):
        earlier = next((first_row[k] for k in certain if k in first_row), None)
        known = next((stored.certain[k] for k in certain if k in stored.certain), None)
        if known is not None:
            results[row] = Captured(outcome="duplicate", **known._asdict())
        elif earlier is not None:
            results[row] = Captured(
                outcome="duplicate", lead_id=UUID(int=0), number="", duplicate_of_row=earlier
            )
        else:
            first_row |= dict.fromkeys(certain, row)
            fresh.append(row)
    await _store(tx, [(row, offered[row], keys[row]) for row in fresh], stored, results)
    return [_resolved(result, results) for result in results]


def _resolved(result: Captured | None, results: Sequence[Captured | None]) -> Captured:
    """A duplicate of an earlier row gets that row's lead."""
    if result is None:
        raise LookupError("a lead was neither stored nor recognised")
    if result.duplicate_of_row is None:
        return result
    original = results[result.duplicate_of_row]
    if original is None:
        raise LookupError("the earlier row was not stored")
    return result.model_copy(update={"lead_id": original.lead_id, "number": original.number})


async def _store(
    tx: Transaction,
    fresh: Sequence[tuple[int, CaptureLead, identity.Keys]],
    stored: Found,
    results: list[Captured | None],
) -> None:
    """Claim the keys, then save the leads whose keys are ours; the others lost a race."""
    identities = {row: Known(new_id(), await tx.number("L")) for row, _, _ in fresh}
    owners = await claim(tx, [(keys, identities[row]) for row, _, keys in fresh])
    saved: list[tuple[identity.Keys, Known]] = []
    ruling = await policies.get(tx, "qualification", Qualification)
    leads = Leads(tx)
    parties: dict[str, dict[str, Any]] = {}
    await tx.expect_new(Leads, {known.lead_id for known in identities.values()})
    for n, (row, offered, keys) in enumerate(fresh, start=1):
        if n % FLUSH_EVERY == 0:
            await tx.flush()
        lead_id, number = known = identities[row]
        claimed = (owners[key] for key in keys.certain if key in owners)
        winner = next((owner for owner in claimed if owner.lead_id != lead_id), None)
        if winner is not None:
            results[row] = Captured(outcome="duplicate", **winner._asdict())
            continue
        lead = _lead(offered, lead_id, number, tx.now, parties)
        await _judge(lead, leads, tx, ruling.rules, ruling.cite)
        results[row] = Captured(
            outcome="accepted",
            lead_id=lead_id,
            number=number,
            journey_id=lead.journey_id,
            candidates=stored.candidates(keys, lead_id),
        )
        stored.add(keys, known)
        saved.append((keys, known))
    await keep_candidates(tx, saved)
    await bulk.insert(
        tx.connection,
        table_of(PartyRow),
        [parties[key] for key in sorted(parties)],
        on_conflict="ON CONFLICT DO NOTHING",
    )


def _lead(
    offered: CaptureLead,
    lead_id: UUID,
    number: str,
    now: datetime,
    parties: dict[str, dict[str, Any]],
) -> Lead:
    account = None
    if offered.company:
        key = bounded(f"company:{offered.domain or company_key(offered.company)}")
        account = Account(
            account_id=AccountId(uuid5(PARTIES, key)), name=offered.company, domain=offered.domain
        )
        parties[key] = party_row(
            "account", account.account_id, key, offered.company, now, domain=offered.domain
        )
    key = contact_key(offered.email, offered.phone, lead_id)
    contact = Contact(
        contact_id=ContactId(uuid5(PARTIES, key)),
        name=offered.name,
        email=offered.email,
        phone=offered.phone,
    )
    parties[key] = party_row(
        "contact",
        contact.contact_id,
        key,
        offered.name,
        now,
        email=offered.email,
        phone=offered.phone,
    )
    return Lead(
        id=lead_id,
        journey_id=new_id(),
        number=number,
        account=account,
        contact=contact,
        origin=offered.origin,
        need=offered.need,
        budget=offered.budget,
        owner=offered.owner,
        web_order=offered.order,
        score=score(
            channel=offered.origin.channel,
            need=offered.need,
            email=offered.email,
            phone=offered.phone,
            company=offered.company,
            has_budget=offered.budget is not None,
            has_order=offered.order is not None,
        ),
        captured_at=offered.captured_at or now,
    )


async def _judge(
    lead: Lead, leads: Leads, tx: Transaction, rules: Qualification, cite: str
) -> None:
    """Qualified by policy in the same commit, or a person's to judge: its owner's, where it comes
    with one."""
    order = lead.web_order
    complete = order is not None and order.consent is not None and order.prepayment is not None
    promising = lead.score.points >= rules.threshold and lead.need is not None
    if (rules.express and complete) or (promising and order is None):
        qualified, fact = lead.qualify(by=cite, at=lead.captured_at)
        await leads.save(qualified)
        tx.publish(lead.captured())
        tx.publish(fact)
        return
    within = timedelta(hours=rules.review_within_hours)
    await leads.save(lead)
    tx.publish(lead.captured())
    waiting = lead.await_qualification(at=tx.now, within=within)
    if lead.owner is not None:
        contact_within = timedelta(hours=rules.contact_within_hours)
        waiting, assigned = waiting.assign(
            lead.owner, by=tx.actor.sub, at=tx.now, contact_within=contact_within
        )
        tx.publish(assigned)
    await leads.save(waiting)
