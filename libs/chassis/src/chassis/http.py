"""One request, one transaction, committed before the answer leaves."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict

from chassis import idempotency
from chassis.auth import Actor, authenticate
from chassis.db import Database
from chassis.problems import FieldError, Problem
from chassis.transaction import Transaction

MAX_DEPTH = 32
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ApiModel(BaseModel):
    """A request body: unknown fields are refused, not ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TransactionalRoute(APIRoute):
    """Runs its handler inside a transaction of the app's database.

    The commit happens before the response is sent, so an acknowledged change is durable and a
    failed commit is a failed request. An answer of 400 or more rolls back. With an
    ``Idempotency-Key`` the answer is stored in the same transaction.
    """

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override]
        handle = super().get_route_handler()

        async def within_transaction(request: Request) -> Response:
            database: Database = request.app.state.database
            body = b""
            if request.method in CHANGING:
                body = await request.body()
                if body and "json" in request.headers.get("content-type", "json"):
                    check_json(body)
            key = idempotency.key_of(request) if request.method in CHANGING else None
            async with database.transaction() as tx:
                request.state.tx = tx
                response = (
                    await handle(request)
                    if key is None
                    else await _once(request, tx, key, body, handle)
                )
                if response.status_code >= 400 or request.method not in CHANGING:
                    tx.rollback_only()
            return response

        return within_transaction


async def _once(
    request: Request,
    tx: Transaction,
    key: str,
    body: bytes,
    handle: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Answer a request with a key: from the store, or by doing it and storing the answer."""
    principal = (await authenticate(request)).sub if "authorization" in request.headers else "-"
    fingerprint = idempotency.request_hash(request, body)
    stored = await idempotency.replay(tx.connection, principal, key, fingerprint)
    if stored is not None:
        return stored
    response = await handle(request)
    if response.status_code < 400:
        await idempotency.remember(tx.connection, principal, key, fingerprint, response, tx.now)
    return response


_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"')
_BRACKETS = re.compile(rb"[\[\]{}]")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Problem(422, f"the field {twice!r} is given twice", type="duplicate-field")
    return found


def check_json(body: bytes) -> None:
    """Refuse what parsers disagree about: duplicate fields, NUL, lone surrogates, great depth."""
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub(b"", body)):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            raise Problem(422, f"JSON nested deeper than {MAX_DEPTH}", type="too-deep")
    if b"\\u0000" in body:
        raise Problem(422, "text must not contain NUL characters", type="invalid-text")
    try:
        json.loads(body, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise Problem(422, f"the body is no JSON: {error}", type="invalid-json") from error
    if b"\\ud" in body.lower():
        try:
            json.dumps(json.loads(body), ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Problem(422, "text holds half a character", type="invalid-text") from error


def _acting(request: Request) -> Transaction:
    tx: Transaction = request.state.tx
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is not None:
        tx.actor = actor
    return tx


Tx = Annotated[Transaction, Depends(_acting)]
"""The request's transaction; its actor is who the roles dependency let in."""


def etag(revision: int) -> str:
    return f'"v{revision}"'


def if_match(request: Request) -> int:
    """The revision a caller last saw. A dependency of updates: missing is 428."""
    header = request.headers.get("if-match")
    if header is None:
        raise Problem(428, "If-Match is needed: read the object first", type="if-match-missing")
    value = header.strip().removeprefix("W/").strip('"')
    if not (value.startswith("v") and value[1:].isdigit()):
        raise Problem(412, "If-Match is not an ETag of ours", type="stale")
    return int(value[1:])


Revision = Annotated[int, Depends(if_match)]


def refuse_stale(expected: int, tx: Transaction, aggregate_id: Any) -> None:
    """Raise 412 when somebody changed the object since the caller read it. Call before changing."""
    actual = tx.revision_of(aggregate_id)
    if actual != expected:
        raise Problem(412, f"the object is at v{actual}, you saw v{expected}", type="stale")


def unprocessable(pointer: str, detail: str) -> Problem:
    """A 422 that names one field."""
    return Problem(422, detail, type="invalid", errors=[FieldError(pointer=pointer, detail=detail)])
