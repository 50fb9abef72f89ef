"""Quotes and what we do with them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Response
from pydantic import Field

from chassis.http import ApiModel, Revision, Tx, etag, refuse_stale
from chassis.pagination import Cursor, Limit, Page
from contracts.asked import MOST_LINES, AskedLine
from contracts.terms import WantedLine
from quote_svc import queries
from quote_svc.api.doors import Looker, Manager, Seller, answer, quote_router
from quote_svc.commands.offer import approve_quote, reject_quote, send_quote, void_quote
from quote_svc.commands.revise import ReplaceLines, replace_lines
from quote_svc.domain.difference import Difference, difference
from quote_svc.storage import Quotes

router = quote_router()


class ReasonForm(ApiModel):
    reason: str = Field(min_length=1, max_length=500)


class LinesForm(ApiModel):
    lines: tuple[AskedLine, ...] = Field(min_length=1, max_length=MOST_LINES)


@router.get("/quotes", operation_id="listQuotes")
async def list_quotes(
    _: Looker,
    tx: Tx,
    status: str | None = None,
    deal: str | None = None,
    journey: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[queries.QuoteView]:
    """Quotes, the newest first."""
    return await queries.list_quotes(
        tx, status=status, deal=deal, journey=journey, cursor=cursor, limit=limit
    )


@router.get("/quotes/{quote_id}", operation_id="showQuote")
async def show(_: Looker, tx: Tx, quote_id: UUID, response: Response) -> queries.QuoteView:
    """One quote with all its versions."""
    quote = await queries.show_quote(quote_id, tx)
    response.headers["ETag"] = etag(quote.revision)
    return quote


@router.get("/quotes/{quote_id}/difference", operation_id="compareVersions")
async def compare(
    _: Looker,
    tx: Tx,
    quote_id: UUID,
    before: Annotated[int, Query(alias="from", ge=1)],
    after: Annotated[int, Query(alias="to", ge=1)],
) -> Difference:
    """Lines added, removed and changed from one version to another, and the sums."""
    quote = await queries.show_quote(quote_id, tx)
    return difference(quote.version(before), quote.version(after), quote.currency)


@router.put("/quotes/{quote_id}/versions/{version}/lines", operation_id="replaceLines")
async def replace(
    _: Seller,
    tx: Tx,
    quote_id: UUID,
    version: int,
    form: LinesForm,
    seen: Revision,
    response: Response,
) -> queries.QuoteView:
    """Other lines for the current version while it has not gone out. It is priced anew, any
    approval is void, and it waits for a manager or to be sent."""
    await Quotes(tx).get(quote_id)
    refuse_stale(seen, tx, quote_id)
    lines = tuple(WantedLine(**line.model_dump()) for line in form.lines)
    command = ReplaceLines(quote_id=quote_id, version=version, lines=lines)
    return answer(await replace_lines(command, tx), tx, response)


@router.post("/quotes/{quote_id}/approval", operation_id="approveQuote")
async def approve(
    _: Manager, tx: Tx, quote_id: UUID, seen: Revision, response: Response
) -> queries.QuoteView:
    """Agree to exactly this version; it goes out unless its author wanted to send it."""
    await Quotes(tx).get(quote_id)
    refuse_stale(seen, tx, quote_id)
    return answer(await approve_quote(quote_id, tx), tx, response)


@router.post("/quotes/{quote_id}/rejection", operation_id="rejectQuote")
async def reject(
    _: Manager, tx: Tx, quote_id: UUID, form: ReasonForm, response: Response
) -> queries.QuoteView:
    """Give it back to its author."""
    return answer(await reject_quote(quote_id, form.reason, tx), tx, response)


@router.post("/quotes/{quote_id}/sending", operation_id="sendQuote")
async def send(_: Seller, tx: Tx, quote_id: UUID, response: Response) -> queries.QuoteView:
    """Send an approved version to the customer."""
    return answer(await send_quote(quote_id, tx), tx, response)


@router.post("/quotes/{quote_id}/voiding", operation_id="voidQuote")
async def void(
    _: Seller, tx: Tx, quote_id: UUID, form: ReasonForm, response: Response
) -> queries.QuoteView:
    """Take the current version back before the customer has answered it."""
    return answer(await void_quote(quote_id, form.reason, tx), tx, response)
