"""One request, one transaction, committed before the answer leaves."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, get_args

from fastapi import Depends, Header, Request
from fastapi.params import Form as FormField
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from chassis import idempotency
from chassis.auth import Actor, authenticate, doors_of
from chassis.db import Database
from chassis.pagination import Page, link_to_next
from chassis.problems import FieldError, Problem
from chassis.strict_json import NotStrict, read
from chassis.transaction import Transaction
from contracts.text import refuse_controls

CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_COMMAS = re.compile(r'\s*,\s*(?=(?:[^"]*"[^"]*")*[^"]*$)')
"""Between tags; a comma may stand within one."""
LONGEST_IF_MATCH = 1_000


class ApiModel(BaseModel):
    """A request body: unknown fields are refused, not ignored. Text is kept as it was written, but
    for the blanks around it; control characters are refused (`contracts.text`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    @field_validator("*", mode="after")
    @classmethod
    def _holds_text(cls, value: Any, info: ValidationInfo) -> Any:
        rows = info.field_name and Any in get_args(cls.model_fields[info.field_name].annotation)
        return value if rows else refuse_controls(value)  # each row is judged by a form of its own


class TransactionalRoute(APIRoute):
    """Runs its handler inside a transaction of the app's database.

    The commit happens before the response is sent, so an acknowledged change is durable and a
    failed commit is a failed request. An answer of 400 or more rolls back. With an
    ``Idempotency-Key`` the answer is stored in the same transaction. Who may not enter is turned
    away before the body is looked at and before the database is asked for a connection.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        doors = doors_of(self.dependant)
        takes_json = self.body_field is not None and not isinstance(
            self.body_field.field_info, FormField
        )
        paged = isinstance(self.response_model, type) and issubclass(self.response_model, Page)

        async def within_transaction(request: Request) -> Response:
            for door in doors:
                await door(request)
            refuse_nul(request)
            database: Database = request.app.state.database
            changing = request.method in CHANGING
            body = b""
            if changing:
                request = await with_body(request, takes_json=takes_json)
                body = await request.body()
            key = idempotency.key_of(request) if changing else None
            async with database.transaction() as tx:
                request.state.tx = tx
                response = (
                    await handle(request)
                    if key is None
                    else await _once(request, tx, key, body, handle)
                )
                if response.status_code >= 400 or not changing:
                    tx.rollback_only()
            if paged:
                link_to_next(response, request.query_params)
            return response

        return within_transaction


class JsonRequest(Request):
    """A request whose JSON was read once, by the strict reader: no other parser sees its bytes."""

    def __init__(self, request: Request, body: bytes, value: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._whole, self._value = body, value

    async def body(self) -> bytes:
        return self._whole

    async def json(self) -> Any:
        return self._value


async def with_body(request: Request, *, takes_json: bool) -> Request:
    """The request with its whole body. Raises Problem for one that is no JSON where JSON is due, or
    is bad JSON."""
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind.endswith("+json")
    )
    if body and is_json:
        return JsonRequest(request, body, strictly(body))
    if body and takes_json:
        raise Problem(415, f"application/json is needed, not {kind or 'nothing named'}")
    return request


def strictly(body: bytes) -> Any:
    """The value of a JSON body. Raises Problem (422) for one that readers read differently."""
    try:
        return read(body)
    except NotStrict as error:
        detail = f"the body is no JSON: {error}" if error.kind == "invalid-json" else str(error)
        named = (
            []
            if error.pointer is None
            else [FieldError(pointer=f"/body{error.pointer}", detail=detail)]
        )
        raise Problem(422, detail, type=error.kind, errors=named) from error


def refuse_nul(request: Request) -> None:
    """PostgreSQL's text cannot hold NUL, so no path or query parameter may."""
    query: bytes = request.scope["query_string"]
    if b"%00" in query or b"\0" in query or "\0" in request.scope["path"]:
        raise Problem(422, "text must not contain NUL characters", type="invalid-text")


async def _once(
    request: Request,
    tx: Transaction,
    key: str,
    body: bytes,
    handle: Callable[[Request], Awaitable[Response]],
) -> Response:
    """Answer a request with a key: from the store, or by doing it and storing the answer."""
    principal = await _principal(request)
    fingerprint = idempotency.request_hash(request, body)
    stored = await idempotency.replay(tx.connection, principal, key, fingerprint)
    if stored is not None:
        return stored
    response = await handle(request)
    if response.status_code < 400:
        await idempotency.remember(tx.connection, principal, key, fingerprint, response, tx.now)
    return response


async def _principal(request: Request) -> str:
    """Whose key it is. Without an account: whoever holds the same link."""
    if "authorization" in request.headers:
        return (await authenticate(request)).sub
    return "public:" + hashlib.sha256(request.url.path.encode()).hexdigest()[:32]


def _acting(request: Request) -> Transaction:
    tx: Transaction = request.state.tx
    actor: Actor | None = getattr(request.state, "actor", None)
    if actor is not None:
        tx.actor = actor
    return tx


Tx = Annotated[Transaction, Depends(_acting)]
"""The request's transaction; its actor is who the roles dependency let in."""


def etag(revision: int) -> str:
    """A revision as a header shows it."""
    return f'"v{revision}"'


class Seen:
    """What a caller last saw of an object, as ``If-Match`` says it (RFC 9110, 13.1.1)."""

    def __init__(self, told: str) -> None:
        """Raises Problem (400) for what is neither ``*`` nor a list of entity tags."""
        self.told = told.strip()
        if len(self.told) > LONGEST_IF_MATCH:
            raise Problem(400, f"If-Match has at most {LONGEST_IF_MATCH} characters")
        tags = [tag for tag in _COMMAS.split(self.told) if tag]
        if self.told != "*" and (not tags or not all(_TAG.fullmatch(tag) for tag in tags)):
            raise Problem(400, 'If-Match is * or a list of tags such as "v1"', type="if-match-bad")
        self._tags = frozenset(tags)

    def matches(self, revision: int) -> bool:
        """Whether an object of this revision is what was seen. A weak tag never is."""
        return self.told == "*" or etag(revision) in self._tags


def if_match(
    request: Request,
    if_match: Annotated[
        str | None,
        Header(description="`ETag` of the object as last read; without it 428", examples=['"v1"']),
    ] = None,
) -> Seen:
    """What a caller last saw. A dependency of updates: missing is 428."""
    if if_match is None:
        raise Problem(428, "If-Match is needed: read the object first", type="if-match-missing")
    return Seen(", ".join(request.headers.getlist("if-match")))


Revision = Annotated[Seen, Depends(if_match)]


def refuse_other(seen: Seen, revision: int, what: str = "object") -> None:
    """Raise 412 when the caller saw another revision."""
    if not seen.matches(revision):
        raise Problem(412, f"the {what} is at v{revision}, you saw {seen.told[:100]}", type="stale")


def refuse_stale(seen: Seen, tx: Transaction, aggregate_id: Any) -> None:
    """Raise 412 when somebody changed the object since the caller read it. Call before changing."""
    refuse_other(seen, tx.revision_of(aggregate_id))


def unprocessable(pointer: str, detail: str) -> Problem:
    """A 422 that names one field."""
    return Problem(422, detail, type="invalid", errors=[FieldError(pointer=pointer, detail=detail)])
