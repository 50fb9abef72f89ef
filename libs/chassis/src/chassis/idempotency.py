"""``Idempotency-Key``: the same key and request have one effect and one answer."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta
from typing import Annotated

import orjson
from fastapi import Header, Request
from fastapi.responses import Response
from sqlalchemy import LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlmodel import Field

from chassis import bulk
from chassis.problems import Problem
from chassis.tables import ChassisRow

HEADER = "idempotency-key"
KEEP = timedelta(hours=48)
_BOUNDARY = re.compile(r'multipart/form-data;\s*boundary="?([^";,\s]{8,70})', re.IGNORECASE)


class IdempotencyRow(ChassisRow, table=True):
    """An answered request, kept so that its repetition is answered alike."""

    __tablename__ = "idempotency_key"

    principal: str = Field(sa_type=Text, primary_key=True)
    key: str = Field(sa_type=Text, primary_key=True)
    request_hash: str = Field(sa_type=Text)
    status: int
    headers: dict[str, str] = Field(sa_type=JSONB)
    body: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = Field(index=True)


def key_of(request: Request) -> str | None:
    key = request.headers.get(HEADER)
    if key is not None and not 1 <= len(key) <= 255:
        raise Problem(400, "Idempotency-Key must have 1 to 255 characters")
    return key


Told = Annotated[
    str | None,
    Header(alias=HEADER, description="1 to 255 characters; the same key and request act once"),
]


async def idempotency_key_required(request: Request, _: Told = None) -> str:
    """A dependency for what moves money: the caller must name a key."""
    key = key_of(request)
    if key is None:
        raise Problem(400, "Idempotency-Key is missing", type="idempotency-key-missing")
    return key


def request_hash(request: Request, body: bytes) -> str:
    digest = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}\n".encode())
    digest.update(_without_boundary(request.headers.get("content-type", ""), body))
    return digest.hexdigest()


def _without_boundary(content_type: str, body: bytes) -> bytes:
    """A form with files, without the random word that its sender parted it by: the same form sent
    again has another."""
    found = _BOUNDARY.match(content_type)
    return body.replace(found[1].encode(), b"") if found else body


async def replay(
    connection: AsyncConnection, principal: str, key: str, fingerprint: str
) -> Response | None:
    """The stored answer, or none when this is the first time. Locks the key for the transaction."""
    lock = int.from_bytes(hashlib.sha256(f"{principal}\0{key}".encode()).digest()[:8], signed=True)
    if not (await bulk.first(connection, "SELECT pg_try_advisory_xact_lock($1)", lock))[0]:
        raise Problem(
            409,
            "a request with this Idempotency-Key is being worked on",
            type="idempotency-key-in-flight",
        )
    row = await bulk.first(
        connection,
        "SELECT request_hash, status, headers::text, body FROM idempotency_key"
        " WHERE principal = $1 AND key = $2",
        principal,
        key,
    )
    if row is None:
        return None
    asked, status, kept, answer = row
    if asked != fingerprint:
        raise Problem(
            422, "this Idempotency-Key was used for another request", type="idempotency-key-reused"
        )
    headers = {**orjson.loads(kept), "Idempotency-Replayed": "true"}
    return Response(answer, status, headers)


async def remember(
    connection: AsyncConnection,
    principal: str,
    key: str,
    fingerprint: str,
    response: Response,
    now: datetime,
) -> None:
    """Keep the answer, in the transaction of the effect."""
    kept = ("content-type", "etag", "location")
    headers = {name: response.headers[name] for name in kept if name in response.headers}
    await bulk.execute(
        connection,
        "INSERT INTO idempotency_key"
        " (principal, key, request_hash, status, headers, body, created_at)"
        " VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)",
        principal,
        key,
        fingerprint,
        response.status_code,
        orjson.dumps(headers).decode(),
        bytes(response.body),
        now,
    )


async def purge(connection: AsyncConnection, now: datetime) -> None:
    """Forget answers older than two days."""
    await bulk.execute(connection, "DELETE FROM idempotency_key WHERE created_at < $1", now - KEEP)
