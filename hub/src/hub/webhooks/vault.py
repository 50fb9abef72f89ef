"""Secrets at rest: a copy of the database alone cannot sign in our name."""

from __future__ import annotations

from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from chassis.domain import DomainError
from hub.webhooks.signature import Scheme, Secret

PURPOSE = b"ltc hub: webhook secrets, 1"


class NoVault(DomainError):
    """There is nothing to seal secrets with."""

    status = 503


class CannotOpen(DomainError):
    """The secret was sealed with another LTC_LINK_SECRET."""


class Vault:
    """Seals and opens webhook secrets with a key derived from ``LTC_LINK_SECRET``."""

    def __init__(self, master: SecretStr) -> None:
        text = master.get_secret_value().encode()
        derived = HKDF(SHA256(), 32, salt=None, info=PURPOSE).derive(text) if text else None
        self._fernet = Fernet(urlsafe_b64encode(derived)) if derived else None

    def seal(self, secret: Secret) -> str:
        """Raises NoVault."""
        return self._key().encrypt(secret.text.encode()).decode()

    def open(self, scheme: Scheme, sealed: str) -> Secret:
        """Raises NoVault or CannotOpen."""
        try:
            return Secret(scheme, self._key().decrypt(sealed).decode())
        except InvalidToken as error:
            raise CannotOpen(
                "its secret was sealed with another LTC_LINK_SECRET: rotate it"
            ) from error

    def _key(self) -> Fernet:
        if self._fernet is None:
            raise NoVault("webhooks are not set up here: LTC_LINK_SECRET is empty")
        return self._fernet
