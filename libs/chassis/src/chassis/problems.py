"""Errors as RFC 9457 ``application/problem+json``: stable types, named fields, no internals."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from asyncpg import InterfaceError, InternalClientError, PostgresError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chassis.domain import DependencyMissing, DomainError
from chassis.failures import is_infrastructure, sqlstate
from chassis.tracing import current_trace_id, record_exception
from contracts.money import MoneyError

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 100
UNIQUE_VIOLATION = "23505"
DATA_EXCEPTION = "22"

_TITLES = {
    400: "bad-request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    410: "gone",
    412: "stale",
    413: "too-large",
    415: "unsupported-media-type",
    422: "invalid",
    428: "precondition-required",
    429: "too-many-requests",
    500: "internal-error",
    503: "unavailable",
}


class FieldError(BaseModel):
    """What is wrong with one field, by JSON pointer."""

    pointer: str
    detail: str


class ProblemDetails(BaseModel):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str = ""
    instance: str = ""
    errors: list[FieldError] = []


class Problem(HTTPException):
    """An error with a type of its own, for what is no domain refusal."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        type: str | None = None,
        headers: dict[str, str] | None = None,
        errors: list[FieldError] | None = None,
        members: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.type = type or _TITLES.get(status, "error")
        self.errors = errors or []
        self.members = members or {}
        """What this type of problem says beyond the usual (RFC 9457, 3.2)."""


def slug(name: str) -> str:
    """``LinkExpired`` → ``link-expired``."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


def respond(
    status: int,
    kind: str,
    detail: str,
    *,
    errors: list[FieldError] | None = None,
    headers: dict[str, str] | None = None,
    members: dict[str, Any] | None = None,
) -> JSONResponse:
    body = ProblemDetails(
        type=f"urn:ltc:problem:{kind}",
        title=kind.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        instance=current_trace_id() or "",
        errors=errors or [],
    )
    content = {**(members or {}), **body.model_dump()}
    return JSONResponse(content, status, headers, media_type=MEDIA_TYPE)


def field_errors(errors: Sequence[Any]) -> list[FieldError]:
    """Pydantic's errors, by JSON pointer. Their number is bounded: a body is, its echo must be."""
    return [
        FieldError(
            pointer="/"
            + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in e["loc"]),
            detail=str(e["msg"]).removeprefix("Value error, "),
        )
        for e in errors[:MOST_ERRORS]
    ]


def install(app: FastAPI) -> None:
    """Turn every error of an app into a problem."""

    async def http(_: Request, error: Exception) -> JSONResponse:
        known = error if isinstance(error, HTTPException) else HTTPException(500)
        kind = getattr(error, "type", None) or _TITLES.get(known.status_code, "error")
        headers = dict(known.headers) if known.headers else None
        return respond(
            known.status_code,
            kind,
            str(known.detail),
            headers=headers,
            errors=getattr(error, "errors", None),
            members=getattr(error, "members", None),
        )

    async def invalid(_: Request, error: Exception) -> JSONResponse:
        found = error.errors() if isinstance(error, RequestValidationError) else []
        more = f"; {len(found) - MOST_ERRORS} more" if len(found) > MOST_ERRORS else ""
        detail = f"some fields are not as they must be{more}"
        return respond(422, "invalid", detail, errors=field_errors(found))

    async def refused(_: Request, error: Exception) -> JSONResponse:
        status = error.status if isinstance(error, DomainError) else 409
        return respond(status, slug(type(error).__name__), str(error))

    async def no_result(_: Request, error: Exception) -> JSONResponse:
        return respond(422, slug(type(error).__name__), str(error))

    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        if is_infrastructure(error):
            logger.warning("unavailable: %s: %s", type(error).__name__, error)
            return respond(
                503,
                "unavailable",
                "a part we depend on does not answer; nothing was changed",
                headers={"Retry-After": "2"},
            )
        state = sqlstate(error)
        if state == UNIQUE_VIOLATION:
            logger.info("two at once: %s", error)
            return respond(409, "conflict", "somebody else did this at the same time; read again")
        if state.startswith(DATA_EXCEPTION):
            logger.warning("a value that no check caught", exc_info=error)
            return respond(422, "invalid", "a value is outside of what can be stored")
        logger.error("unexpected", exc_info=error)
        return respond(500, "internal-error", "this is our fault; nothing was changed")

    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(DomainError, refused)
    app.add_exception_handler(DependencyMissing, refused)
    app.add_exception_handler(MoneyError, no_result)
    broken = (PostgresError, InterfaceError, InternalClientError)
    for kind in (SQLAlchemyError, *broken, OSError, TimeoutError):
        app.add_exception_handler(kind, unexpected)
    app.add_middleware(_LastResort, answer=unexpected)
    app.router.responses = {"default": {"model": ProblemDetails, "description": "A problem"}}
    _document(app)


class _LastResort:
    """Answers what nobody caught while the request's trace is still known, so that the caller
    gets its id. The error ends here, on the request's span and in the log: raised further it would
    have the server close a connection that its caller keeps in a pool. Behind an answer that has
    begun there is no other way to say that it is not whole."""

    def __init__(
        self, app: ASGIApp, answer: Callable[[Request, Exception], Awaitable[JSONResponse]]
    ) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def watch(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception as error:
            if scope["type"] != "http" or begun:
                raise
            record_exception(error)
            response = await self._answer(Request(scope, receive), error)
            await response(scope, receive, send)


def _document(app: FastAPI) -> None:
    """Have OpenAPI show problems under their own media type."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            for path in generate()["paths"].values():
                for operation in path.values():
                    content = operation["responses"].get("default", {}).get("content", {})
                    for own in content.keys() - {MEDIA_TYPE}:  # of a route that answers no JSON
                        content[MEDIA_TYPE] = content.pop(own)
        return generate()

    app.openapi = openapi  # type: ignore[method-assign]
