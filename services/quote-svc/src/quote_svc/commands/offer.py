"""Making offers: draft and price what a deal asks for, approve, send, withdraw."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from chassis.transaction import Transaction
from contracts.deal import ProposalRequested
from contracts.ids import derived_id
from contracts.terms import Evidence, PricedLine, Totals
from quote_svc.domain import pricing
from quote_svc.domain.quote import Quote
from quote_svc.domain.version import Status
from quote_svc.policies import Approval, Express, policies
from quote_svc.storage import Quotes, price_book


def quote_id_of(deal_id: UUID) -> UUID:
    """A deal has one quote, with as many versions as it takes."""
    return derived_id(deal_id, "quote")


async def draft_offer(request: ProposalRequested, tx: Transaction) -> None:
    """Price the next version and take it as far as policies let it go."""
    quotes = Quotes(tx)
    quote = await quotes.find(quote_id_of(request.deal_id))
    if quote is not None and len(quote.versions) >= request.request_no:
        return
    if quote is None:
        quote = Quote(
            id=quote_id_of(request.deal_id),
            journey_id=tx.journey_id,
            number=await tx.number("Q"),
            deal_id=request.deal_id,
            deal_number=request.number,
            lead_id=request.lead_id,
            account=request.account,
            contact=request.contact,
            owner=request.owner,
            currency=request.currency,
            prepayment=request.web_order.prepayment if request.web_order else None,
            imported=request.imported,
        )
    quote, superseded = quote.supersede(
        by_version=len(quote.versions) + 1, reason="revised", at=tx.now
    )
    if superseded:
        await quotes.save(quote)
        tx.publish(superseded[0])
    await _price(quote, request, tx)


class Verdict(NamedTuple):
    """What the approval policy says of an offer."""

    cite: str
    beyond: str | None
    """The limit that it goes beyond; none when the policy approves it."""
    within: timedelta

    @property
    def outcome(self) -> str:
        return f"{self.cite}: {self.beyond or 'within limits'}"


async def judge(
    lines: tuple[PricedLine, ...], totals: Totals, tx: Transaction, *, agreed: bool = False
) -> Verdict:
    """Whether it may go out without a second pair of eyes; what was agreed elsewhere may."""
    approval = await policies.get(tx, "approval", Approval)
    rules = approval.rules
    beyond = pricing.within_limits(
        lines, totals, discount=rules.discount_percent, gross=rules.gross_limit
    )
    return Verdict(approval.cite, None if agreed else beyond, timedelta(hours=rules.within_hours))


async def _price(quote: Quote, request: ProposalRequested, tx: Transaction) -> None:
    quotes = Quotes(tx)
    book = await price_book(tx, request.price_book, request.currency)
    try:
        lines = pricing.price_lines(request.lines, book)
    except pricing.UnknownProduct as error:
        await quotes.save(quote.await_pricing(request, at=tx.now, missing=str(error)))
        return
    if request.imported is not None:
        lines = pricing.agree_on(lines, request.imported.agreed)
    totals = pricing.totals(lines, request.currency)
    verdict = await judge(lines, totals, tx, agreed=request.imported is not None)
    at = request.requested_at if request.imported is None else request.imported.closed_at
    quote, drafted = quote.draft(request, lines, totals, outcome=verdict.outcome, at=at)
    await quotes.save(quote)
    tx.publish(drafted)
    if verdict.beyond:
        pending, asked = quote.ask_approval(limit=verdict.beyond, at=tx.now, within=verdict.within)
        await quotes.save(pending)
        tx.publish(asked)
        return
    await _go_on(quote.approve_by_policy(verdict.cite), request, lines, tx, at=at)


async def _go_on(
    quote: Quote,
    request: ProposalRequested,
    lines: tuple[PricedLine, ...],
    tx: Transaction,
    *,
    at: datetime,
) -> None:
    """An approved version: sent, and answered at once where the answer is already known."""
    quotes = Quotes(tx)
    if not request.send_when_approved:
        await quotes.save(quote.await_sending(at=tx.now))
        return
    quote, sent = quote.send(by="system:quote-svc", at=at, now=tx.now)
    evidence, covers = await _known_answer(request, lines, tx)
    if evidence is None:
        await quotes.save(quote)
        tx.publish(sent)
        await quotes.save(quote.await_answer(at=tx.now))
        return
    quote, accepted = quote.accept(evidence=evidence, at=at, consent_covers_signature=covers)
    await quotes.save(quote)
    tx.publish(sent)
    tx.publish(accepted)


async def _known_answer(
    request: ProposalRequested, lines: tuple[PricedLine, ...], tx: Transaction
) -> tuple[Evidence | None, bool]:
    """The customer's own consent given with a web order, or the record of a moved deal; and
    whether it covers the signature too. Nothing accepts for the customer."""
    express = await policies.get(tx, "express", Express)
    record = request.imported
    if record is not None and express.rules.accept_imported:
        reference = f"{record.source_system}:{record.external_id}"
        return Evidence(
            by=request.account.name,
            at=record.closed_at,
            method="imported_record",
            reference=reference,
        ), True
    order = request.web_order
    if order is None or order.consent is None or not express.rules.accept_web_orders:
        return None, False
    at_list_price = all(line.discount_percent == 0 for line in lines)
    consent = order.consent
    if not at_list_price or not {"price", "terms"} <= set(consent.covers):
        return None, False
    return Evidence(
        by=consent.given_by,
        at=consent.given_at,
        method="web_order_consent",
        reference=express.cite,
        text_hash=consent.text_hash,
        ip=consent.ip,
        captured_by=consent.captured_by,
    ), "signature" in consent.covers


async def approve_quote(quote_id: UUID, tx: Transaction) -> Quote:
    quotes = Quotes(tx)
    quote, fact = (await quotes.get(quote_id)).approve(by=tx.actor.sub, at=tx.now)
    await quotes.save(quote)
    tx.publish(fact)
    if not quote.current.send_when_approved:
        return await quotes.save(quote.await_sending(at=tx.now))
    return await send_quote(quote_id, tx)


async def reject_quote(quote_id: UUID, reason: str, tx: Transaction) -> Quote:
    quotes = Quotes(tx)
    approval = await policies.get(tx, "approval", Approval)
    quote, fact = (await quotes.get(quote_id)).reject(
        by=tx.actor.sub,
        reason=reason,
        at=tx.now,
        within=timedelta(hours=approval.rules.within_hours),
    )
    await quotes.save(quote)
    tx.publish(fact)
    return quote


async def send_quote(quote_id: UUID, tx: Transaction) -> Quote:
    quotes = Quotes(tx)
    quote, fact = (await quotes.get(quote_id)).send(by=tx.actor.sub, at=tx.now, now=tx.now)
    await quotes.save(quote)
    tx.publish(fact)
    return await quotes.save(quote.await_answer(at=tx.now))


async def void_quote(quote_id: UUID, reason: str, tx: Transaction) -> Quote:
    quotes = Quotes(tx)
    quote, fact = (await quotes.get(quote_id)).void(reason=reason, by=tx.actor.sub, at=tx.now)
    await quotes.save(quote)
    tx.publish(fact)
    return quote


async def withdraw(deal_id: UUID, reason: str, tx: Transaction) -> None:
    """The deal is given up: what is still open goes with it."""
    quotes = Quotes(tx)
    quote = await quotes.find(quote_id_of(deal_id))
    if quote is None or quote.status is Status.ACCEPTED:
        return
    gone, facts = quote.supersede(by_version=None, reason=reason, at=tx.now)
    if facts:
        await quotes.save(gone)
        tx.publish(facts[0])
