"""Rows that the timers of a service cannot handle, for on-call."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from chassis.http import TransactionalRoute, Tx
from chassis.ops.acts import Looker
from chassis.timer_failures import STILL_FAILING

router = APIRouter(route_class=TransactionalRoute)

LIST = """
SELECT timer, row_id, error_class, error, failed_at, last_failed_at, tries, next_at
FROM timer_failure WHERE last_failed_at > now() - $1::interval ORDER BY failed_at LIMIT $2
"""


class FailingRow(BaseModel):
    """A row that a timer leaves out until its next try, and why. Others go on."""

    timer: str
    row_id: UUID
    """The aggregate, or the event, that it is about."""
    error_class: str
    error: str
    """Without values that people gave."""
    failed_at: datetime
    last_failed_at: datetime
    tries: int
    next_at: datetime


@router.get("/timers", operation_id="listFailingRows")
async def list_failing(
    _: Looker, tx: Tx, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> list[FailingRow]:
    """Rows that timers cannot handle, the longest failing first."""
    return [FailingRow(**dict(row)) for row in await tx.read(LIST, STILL_FAILING, limit)]
