"""Signatures by Standard Webhooks: `v1` with a shared secret, `v1a` with a key pair."""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

Scheme = Literal["hmac", "ed25519"]
SHARED, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Secret:
    """What a delivery is signed with. ``text`` stays here or, of a shared secret, goes out once."""

    scheme: Scheme
    text: str = field(repr=False)

    @classmethod
    def new(cls, scheme: Scheme) -> Secret:
        raw = secrets.token_bytes(SECRET_BYTES)
        prefix = SHARED if scheme == "hmac" else PRIVATE
        return cls(scheme, prefix + b64encode(raw).decode())

    @property
    def for_receiver(self) -> str:
        """What the receiver verifies with: the secret itself, or the public key."""
        if self.scheme == "hmac":
            return self.text
        return PUBLIC + b64encode(self._key().public_key().public_bytes_raw()).decode()

    def sign(self, content: bytes) -> str:
        """One entry of ``webhook-signature``."""
        if self.scheme == "hmac":
            digest = hmac.digest(b64decode(self.text.removeprefix(SHARED)), content, sha256)
            return "v1," + b64encode(digest).decode()
        return "v1a," + b64encode(self._key().sign(content)).decode()

    def _key(self) -> Ed25519PrivateKey:
        raw = b64decode(self.text.removeprefix(PRIVATE))
        return Ed25519PrivateKey.from_private_bytes(raw)


def signed_headers(
    event_id: str, body: bytes, secrets: Iterable[Secret], at: datetime
) -> dict[str, str]:
    """The three headers of a delivery, signed with every secret that is valid now."""
    timestamp = str(int(at.timestamp()))
    content = f"{event_id}.{timestamp}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(secret.sign(content) for secret in secrets),
    }
