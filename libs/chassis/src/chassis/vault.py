"""Secrets at rest: a copy of the database alone opens nothing."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from chassis.domain import DomainError


class NoVault(DomainError):
    """There is nothing to seal secrets with."""

    status = 503


class CannotOpen(DomainError):
    """It was sealed with another LTC_LINK_SECRET, for another purpose, or too long ago."""


class Vault:
    """Seals and opens with a key that is derived from ``LTC_LINK_SECRET`` for one purpose."""

    def __init__(self, master: SecretStr, purpose: str) -> None:
        text = master.get_secret_value().encode()
        derived = HKDF(SHA256(), 32, salt=None, info=purpose.encode()).derive(text) if text else b""
        self._fernet = Fernet(urlsafe_b64encode(derived)) if derived else None

    def seal(self, secret: str) -> str:
        """Raises NoVault."""
        return self._key().encrypt(secret.encode()).decode()

    def open(self, sealed: str, *, within_s: int | None = None) -> str:
        """What was sealed, when it was sealed no longer ago than that. Raises NoVault or
        CannotOpen."""
        try:
            return self._key().decrypt(sealed, within_s).decode()
        except InvalidToken as error:
            raise CannotOpen(
                "it was sealed with another LTC_LINK_SECRET, or too long ago"
            ) from error

    def _key(self) -> Fernet:
        if self._fernet is None:
            raise NoVault("nothing can be sealed here: LTC_LINK_SECRET is empty")
        return self._fernet
