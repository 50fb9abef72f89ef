"""The customer's answer: yes, no, or silence."""

from __future__ import annotations

from uuid import UUID

from chassis.transaction import Transaction
from contracts.terms import Evidence
from quote_svc.domain.quote import Quote
from quote_svc.domain.version import Status
from quote_svc.storage import Quotes


async def accept_quote(quote_id: UUID, version: int, evidence: Evidence, tx: Transaction) -> Quote:
    """The customer accepts the version they were shown."""
    quotes = Quotes(tx)
    quote = await quotes.get(quote_id)
    quote.must_be_current(version)
    accepted, fact = quote.accept(evidence=evidence, at=tx.now)
    await quotes.save(accepted)
    tx.publish(fact)
    return accepted


async def decline_quote(
    quote_id: UUID, version: int, reason: str, evidence: Evidence, tx: Transaction
) -> Quote:
    quotes = Quotes(tx)
    quote = await quotes.get(quote_id)
    quote.must_be_current(version)
    declined, fact = quote.decline(reason=reason, evidence=evidence, at=tx.now)
    await quotes.save(declined)
    tx.publish(fact)
    return declined


async def expire_quote(quote_id: UUID, tx: Transaction) -> None:
    """Silence is an answer too; asked again under the lock."""
    quotes = Quotes(tx)
    quote = await quotes.get(quote_id)
    until = quote.current.valid_until
    if quote.status is Status.SENT and until is not None and until <= tx.now:
        expired, fact = quote.expire(at=tx.now)
        await quotes.save(expired)
        tx.publish(fact)
