"""Webhook signatures, verified by the published library and by the published rules."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from chassis.vault import CannotOpen, NoVault
from hub.webhooks.signature import Secret, signed_headers
from hub.webhooks.vault import Vault

EVENT = "019a0000-0000-7000-8000-000000000001"
BODY = '{"type":"ltc.deal.won.v1","data":{"name":"江南"}}'.encode()


def now() -> datetime:
    return datetime.now(UTC)


def verify_with_key(public: str, headers: dict[str, str], body: bytes) -> None:
    """Raises InvalidSignature unless one of the entries is right: the rules, by another library."""
    key = Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_")))
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for entry in headers["webhook-signature"].split():
        scheme, _, signature = entry.partition(",")
        if scheme == "v1a":
            try:
                return key.verify(b64decode(signature), content)
            except InvalidSignature:
                continue
    raise InvalidSignature


def test_webhook_signature_is_accepted_by_the_published_library() -> None:
    secret = Secret.new("hmac")
    headers = signed_headers(EVENT, BODY, [secret], now())
    assert Webhook(secret.for_receiver).verify(BODY, headers)["type"] == "ltc.deal.won.v1"


def test_webhook_signature_rotation_accepts_two_secrets_and_no_third() -> None:
    old, new, stranger = Secret.new("hmac"), Secret.new("hmac"), Secret.new("hmac")
    headers = signed_headers(EVENT, BODY, [new, old], now())
    for secret in (old, new):
        Webhook(secret.for_receiver).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(stranger.for_receiver).verify(BODY, headers)


def test_webhook_signature_refuses_a_changed_byte_id_or_time() -> None:
    secret = Secret.new("hmac")
    receiver = Webhook(secret.for_receiver)
    headers = signed_headers(EVENT, BODY, [secret], now())
    with pytest.raises(WebhookVerificationError):
        receiver.verify(BODY.replace(b"won", b"w0n"), headers)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(BODY, {**headers, "webhook-id": "another"})
    old = signed_headers(EVENT, BODY, [secret], now() - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError):
        receiver.verify(BODY, old)


def test_webhook_signature_of_a_key_pair_is_verified_by_the_public_key() -> None:
    secret = Secret.new("ed25519")
    assert secret.for_receiver.startswith("whpk_")
    assert secret.text.startswith("whsk_")
    headers = signed_headers(EVENT, BODY, [secret], now())
    verify_with_key(secret.for_receiver, headers, BODY)
    with pytest.raises(InvalidSignature):
        verify_with_key(secret.for_receiver, headers, BODY + b" ")
    with pytest.raises(InvalidSignature):
        verify_with_key(Secret.new("ed25519").for_receiver, headers, BODY)


def test_webhook_signature_changes_from_secret_to_key_pair_without_a_gap() -> None:
    shared, pair = Secret.new("hmac"), Secret.new("ed25519")
    headers = signed_headers(EVENT, BODY, [pair, shared], now())
    Webhook(shared.for_receiver).verify(BODY, headers)
    verify_with_key(pair.for_receiver, headers, BODY)


@pytest.mark.parametrize("scheme", ["hmac", "ed25519"])
def test_webhook_secret_is_absent_from_its_repr(scheme: str) -> None:
    secret = Secret.new(scheme)  # type: ignore[arg-type]
    assert secret.text not in f"{secret!r} {secret}"
    assert Secret.new(scheme).text != secret.text  # type: ignore[arg-type]


def test_webhook_secret_decrypts_with_the_same_setting_only() -> None:
    secret = Secret.new("ed25519")
    vault = Vault(SecretStr("a secret of the tests, long enough"))
    sealed = vault.seal(secret)
    assert secret.text.removeprefix("whsk_") not in sealed
    assert vault.open("ed25519", sealed) == secret
    with pytest.raises(CannotOpen, match="rotate it"):
        Vault(SecretStr("another secret of the tests, as long")).open("ed25519", sealed)
    with pytest.raises(NoVault, match="LTC_LINK_SECRET"):
        Vault(SecretStr("")).seal(secret)
