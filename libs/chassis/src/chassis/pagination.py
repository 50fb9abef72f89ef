"""Keyset pagination: pages by the last row seen, so that they stay right while rows come and go."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

import orjson
from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import ColumnElement, tuple_

from chassis.problems import Problem

T = TypeVar("T")
Q = TypeVar("Q", bound=Any)

Limit = Annotated[int, Query(ge=1, le=200, description="rows per page")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


class Page(BaseModel, Generic[T]):
    """Some rows, and where to go on; `next` is null on the last page."""

    items: list[T]
    next: str | None = None


def _encode(value: Any, row_id: UUID) -> str:
    return urlsafe_b64encode(orjson.dumps([value, str(row_id)])).decode().rstrip("=")


def _decode(cursor: str) -> tuple[Any, UUID]:
    try:
        value, row_id = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        return value, UUID(row_id)
    except (ValueError, TypeError, AttributeError) as error:
        raise Problem(400, "the cursor is not one of ours", type="bad-cursor") from error


def page_of(
    query: Q,
    sort: ColumnElement[Any],
    row_id: ColumnElement[Any],
    *,
    cursor: str | None,
    limit: int,
) -> Q:
    """The query for one page, newest or largest first; asks for one row more than the page."""
    if cursor:
        value, after = _decode(cursor)
        python_type = sort.type.python_type
        if hasattr(python_type, "fromisoformat"):
            try:
                value = python_type.fromisoformat(value)
            except (ValueError, TypeError) as error:
                raise Problem(400, "the cursor is not one of ours", type="bad-cursor") from error
        query = query.where(tuple_(sort, row_id) < tuple_(value, after))
    paged: Q = query.order_by(sort.desc(), row_id.desc()).limit(limit + 1)
    return paged


def next_cursor(rows: list[Any], sort: str, limit: int) -> str | None:
    """The cursor after the page, when there is more; cuts the extra row off ``rows``."""
    if len(rows) <= limit:
        return None
    del rows[limit:]
    return _encode(getattr(rows[-1], sort), rows[-1].id)
