"""Who sent a webhook: Standard Webhooks, HMAC-SHA256 (``v1``) and ed25519 (``v1a``).

The reference library for Python knows neither ed25519 nor a second secret, which is what lets one
be replaced without losing an event.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Callable, Iterable, Mapping

from ltc_client.errors import BadSignature, MissingExtra

TOLERANCE_S = 300.0
"""So far may the sender's clock and ours, with the way between them, be apart."""
_Check = Callable[[bytes, bytes], bool]


class Verifier:
    """Verifies with any of its secrets: ``whsec_…`` for HMAC, ``whpk_…`` for ed25519.

    While a secret is replaced give both, the new one and the old one.
    """

    def __init__(self, *secrets: str, tolerance_s: float = TOLERANCE_S) -> None:
        if not secrets:
            raise ValueError("a webhook without a secret proves nothing: give at least one")
        self._checks = [_check(secret) for secret in secrets]
        self._tolerance = tolerance_s

    def verify(self, headers: Mapping[str, str], body: bytes, *, now: float | None = None) -> str:
        """The message's id. Raises BadSignature; a body counts only after this has returned."""
        given = {name.lower(): value for name, value in headers.items()}
        try:
            message, sent, signatures = (
                given[f"webhook-{name}"] for name in ("id", "timestamp", "signature")
            )
        except KeyError as error:
            raise BadSignature(f"the header {error.args[0]} is missing") from error
        self._be_recent(sent, time.time() if now is None else now)
        signed = f"{message}.{sent}.".encode() + body
        if not any(
            version == kind and check(signed, signature)
            for version, signature in _signatures(signatures)
            for kind, check in self._checks
        ):
            raise BadSignature("no signature fits any of our secrets")
        return message

    def _be_recent(self, sent: str, now: float) -> None:
        if not (sent.isascii() and sent.isdigit() and len(sent) < 13):
            raise BadSignature("webhook-timestamp is no whole number of seconds")
        apart = now - int(sent)
        if abs(apart) > self._tolerance:
            raise BadSignature(
                f"it was signed {abs(apart):.0f} s {'ago' if apart > 0 else 'from now'}:"
                f" more than {self._tolerance:.0f} s"
            )


def _signatures(header: str) -> Iterable[tuple[str, bytes]]:
    """Those that can be read; versions to come are passed over."""
    for one in header.split():
        version, comma, text = one.partition(",")
        try:
            yield version, base64.b64decode(text if comma else "?", validate=True)
        except (binascii.Error, ValueError):
            continue


def _check(secret: str) -> tuple[str, _Check]:
    kind, _, text = secret.rpartition("_")
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if kind == "whpk" and len(key) == 32:
        return "v1a", _ed25519(key)
    if kind == "whsec" and key:
        return "v1", lambda signed, given: hmac.compare_digest(
            hmac.digest(key, signed, hashlib.sha256), given
        )
    raise ValueError("a webhook secret is whsec_ or whpk_ and base64, as the platform showed it")


def _ed25519(key: bytes) -> _Check:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ImportError as error:
        raise MissingExtra("cryptography", "ed25519") from error
    public = Ed25519PublicKey.from_public_bytes(key)

    def check(signed: bytes, given: bytes) -> bool:
        try:
            public.verify(given, signed)
        except InvalidSignature:
            return False
        return True

    return check
