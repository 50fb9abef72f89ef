"""Webhook secrets at rest: a copy of the database alone cannot sign in our name."""

from __future__ import annotations

from pydantic import SecretStr

from chassis import vault
from chassis.vault import CannotOpen
from hub.webhooks.signature import Scheme, Secret

PURPOSE = "ltc hub: webhook secrets, 1"


class Vault:
    """Seals and opens webhook secrets."""

    def __init__(self, master: SecretStr) -> None:
        self._vault = vault.Vault(master, PURPOSE)

    def seal(self, secret: Secret) -> str:
        """Raises NoVault."""
        return self._vault.seal(secret.text)

    def open(self, scheme: Scheme, sealed: str) -> Secret:
        """Raises NoVault or CannotOpen."""
        try:
            return Secret(scheme, self._vault.open(sealed))
        except CannotOpen as error:
            raise CannotOpen(
                "its secret was sealed with another LTC_LINK_SECRET: rotate it"
            ) from error
