"""Keyset pagination: pages by the last row seen, so that they stay right while rows come and go."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import orjson
from fastapi import Query
from fastapi.responses import Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field, TypeAdapter
from sqlalchemy import ColumnElement, TypeDecorator, tuple_

from chassis.problems import Problem
from contracts.instants import read_instant

T = TypeVar("T")
Q = TypeVar("Q", bound=Any)

Limit = Annotated[int, Query(ge=1, le=200, description="rows per page")]
Cursor = Annotated[str | None, Query(description="`next` of the page before")]


class Page(BaseModel, Generic[T]):
    """Some rows, and where to go on; `next` is null on the last page."""

    items: list[T]
    next: str | None = None


def cursor_after(value: Any, row_id: UUID) -> str:
    """Where the next page begins: after the row with this sort value and id."""
    return urlsafe_b64encode(orjson.dumps([value, row_id], default=str)).decode().rstrip("=")


_READERS: dict[type, TypeAdapter[Any]] = {
    datetime: TypeAdapter(Annotated[AwareDatetime, BeforeValidator(read_instant)]),
    date: TypeAdapter(date),
    int: TypeAdapter(Annotated[int, Field(ge=-(2**63), lt=2**63)]),
    str: TypeAdapter(Annotated[str, Field(pattern=r"^[^\x00]*$")]),
    Decimal: TypeAdapter(Decimal),
}
"""Read a sort value back, strictly enough for PostgreSQL to take it."""


def read_cursor(cursor: str, python_type: type) -> tuple[Any, UUID]:
    """The sort value and id that a cursor stands for. Raises Problem for one that is not ours."""
    try:
        value, row_id = orjson.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        read = _READERS[python_type].validate_json(orjson.dumps(value), strict=True)
        return read, UUID(row_id)
    except (ValueError, TypeError, AttributeError) as error:
        raise Problem(400, "the cursor is not one of ours", type="bad-cursor") from error


def _python_type(sort: ColumnElement[Any]) -> type:
    """What the column holds: a decorated type, such as that of instants, does not say so itself."""
    kind = sort.type.impl_instance if isinstance(sort.type, TypeDecorator) else sort.type
    return kind.python_type


def page_of(
    query: Q,
    sort: ColumnElement[Any],
    row_id: ColumnElement[Any],
    *,
    cursor: str | None,
    limit: int,
) -> Q:
    """The query for one page, newest or largest first; asks for one row more than the page.

    The sort column must not be null: rows without a value would be on no page.
    """
    if cursor:
        value, after = read_cursor(cursor, _python_type(sort))
        query = query.where(tuple_(sort, row_id) < tuple_(value, after))
    page: Q = query.order_by(sort.desc(), row_id.desc()).limit(limit + 1)
    return page


def next_cursor(rows: list[Any], sort: str, limit: int) -> str | None:
    """The cursor after the page, when there is more; cuts the extra row off ``rows``."""
    if len(rows) <= limit:
        return None
    del rows[limit:]
    return cursor_after(getattr(rows[-1], sort), rows[-1].id)


_NEXT = re.compile(rb'"next":"([A-Za-z0-9_-]+)"\}$')


def link_to_next(response: Response, query: Mapping[str, str]) -> None:
    """Add the ``Link`` header to a rendered page: its last field tells where to go on."""
    found = _NEXT.search(bytes(response.body[-2048:]))
    if found:
        following = urlencode({**query, "cursor": found[1].decode()})
        response.headers["Link"] = f'<?{following}>; rel="next"'
