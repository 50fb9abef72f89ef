"""Signed links for people without an account: bound to one purpose, one object and a time."""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from hashlib import sha256
from uuid import UUID

from pydantic import SecretStr

from chassis.domain import DomainError, NotFound


class LinkExpired(DomainError):
    """The link was good once."""

    status = 410


class LinkInvalid(NotFound):
    """This was never one of our links, or it was for something else."""


def _seal(secret: SecretStr, purpose: str, content: bytes) -> bytes:
    value = secret.get_secret_value()
    if not value:
        raise LinkInvalid("links are not set up here: LTC_LINK_SECRET is empty")
    return hmac.digest(value.encode(), purpose.encode() + b"\0" + content, sha256)[:16]


def sign_link(secret: SecretStr, purpose: str, subject: UUID, expires_at: datetime) -> str:
    """A token that lets its bearer do one thing to one object until then."""
    content = subject.bytes + int(expires_at.timestamp()).to_bytes(6)
    return urlsafe_b64encode(content + _seal(secret, purpose, content)).decode().rstrip("=")


def open_link(secret: SecretStr, purpose: str, token: str, now: datetime) -> UUID:
    """The object a token is for. Raises LinkInvalid or LinkExpired."""
    try:
        raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except ValueError as error:
        raise LinkInvalid("this link is not one of ours") from error
    content, seal = raw[:22], raw[22:]
    if len(content) != 22 or not hmac.compare_digest(seal, _seal(secret, purpose, content)):
        raise LinkInvalid("this link is not one of ours")
    if datetime.fromtimestamp(int.from_bytes(content[16:]), UTC) < now:
        raise LinkExpired("this link has expired; ask for a new one")
    return UUID(bytes=content[:16])
