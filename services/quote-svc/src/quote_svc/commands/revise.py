"""Editing the current version before it goes out."""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel

from chassis.audit import audit
from chassis.domain import Refused
from chassis.transaction import Transaction
from contracts.terms import WantedLine
from quote_svc.commands.offer import judge
from quote_svc.domain import pricing
from quote_svc.domain.quote import Quote
from quote_svc.storage import Quotes, price_book


class NotInThePriceBook(Refused):
    """A line asks for what the price book does not have."""


class ReplaceLines(BaseModel, frozen=True):
    quote_id: UUID
    version: int
    lines: tuple[WantedLine, ...]


async def replace_lines(command: ReplaceLines, tx: Transaction) -> Quote:
    """Price the version anew. Whatever was approved is not any more, and policies judge again; an
    edit never sends, whoever wanted what before."""
    quotes = Quotes(tx)
    quote = await quotes.get(command.quote_id)
    quote.must_be_current(command.version)
    before = quote.current
    book = await price_book(tx, before.price_book, quote.currency)
    try:
        lines = pricing.price_lines(command.lines, book)
    except pricing.UnknownProduct as error:
        raise NotInThePriceBook(f"not in the price book: {error}") from error
    totals = pricing.totals(lines, quote.currency)
    verdict = await judge(lines, totals, tx)
    edited, drafted = quote.replace_lines(
        command.lines, lines, totals, outcome=verdict.outcome, by=tx.actor.sub, at=tx.now
    )
    await quotes.save(edited)
    tx.publish(drafted)
    audit(
        tx,
        tx.actor,
        "replace lines",
        "quote",
        str(quote.id),
        before=before.model_dump(mode="json", include={"version", "status", "lines", "totals"}),
        after=edited.current.model_dump(mode="json", include={"version", "lines", "totals"}),
    )
    if verdict.beyond:
        pending, asked = edited.ask_approval(limit=verdict.beyond, at=tx.now, within=verdict.within)
        await quotes.save(pending)
        tx.publish(asked)
        return pending
    approved = edited.approve_by_policy(verdict.cite)
    return await quotes.save(approved.await_sending(at=tx.now))
