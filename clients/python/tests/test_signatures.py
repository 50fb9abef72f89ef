"""Webhook signatures against other signers: the Standard Webhooks reference, and `cryptography`."""

from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

from ltc_client import BadSignature, Verifier

BODY = '{"名":"won"}'.encode()
NOW = 1_790_000_000
OLD, NEW = (f"whsec_{base64.b64encode(bytes([n]) * 32).decode()}" for n in (1, 2))


def signed(*secrets: str, at: int = NOW, body: bytes = BODY) -> dict[str, str]:
    """Headers as the reference library signs them, once for each secret."""
    moment = datetime.fromtimestamp(at, UTC)
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(at),
        "Webhook-Signature": " ".join(
            Webhook(s).sign("msg_1", moment, body.decode()) for s in secrets
        ),
    }


def a_pair() -> tuple[str, Ed25519PrivateKey]:
    private = Ed25519PrivateKey.generate()
    return f"whpk_{base64.b64encode(private.public_key().public_bytes_raw()).decode()}", private


def signed_by(key: Ed25519PrivateKey) -> dict[str, str]:
    signature = base64.b64encode(key.sign(f"msg_1.{NOW}.".encode() + BODY)).decode()
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(NOW),
        "webhook-signature": f"v9,?? v1a,{signature}",
    }


def test_client_verifies_signatures_of_the_reference_signer() -> None:
    assert Verifier(NEW).verify(signed(NEW), BODY, now=NOW) == "msg_1"


def test_client_verifies_during_rotation_in_either_order() -> None:
    Verifier(NEW, OLD).verify(signed(OLD), BODY, now=NOW)
    Verifier(OLD).verify(signed(NEW, OLD), BODY, now=NOW)


def test_client_verifies_ed25519_by_the_public_key() -> None:
    public, private = a_pair()
    Verifier(OLD, public).verify(signed_by(private), BODY, now=NOW)
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(a_pair()[0]).verify(signed_by(private), BODY, now=NOW)


def test_client_refuses_an_ed25519_signature_as_hmac() -> None:
    headers = signed(NEW)
    headers["Webhook-Signature"] = headers["Webhook-Signature"].replace("v1,", "v1a,")
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW).verify(headers, BODY, now=NOW)


def test_client_refuses_a_signature_of_another_secret() -> None:
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(OLD).verify(signed(NEW), BODY, now=NOW)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp"])
def test_client_refuses_a_signature_after_any_change(name: str) -> None:
    headers = signed(NEW)
    headers[name] = headers[name][:-1] + "7"
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW).verify(headers, BODY, now=NOW)
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW).verify(signed(NEW), BODY + b" ", now=NOW)


@pytest.mark.parametrize("apart", [-301, 301])
def test_client_refuses_an_old_signature(apart: int) -> None:
    Verifier(NEW).verify(signed(NEW), BODY, now=NOW + apart - apart // 301)
    with pytest.raises(BadSignature, match="more than 300 s"):
        Verifier(NEW).verify(signed(NEW), BODY, now=NOW + apart)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_client_names_a_missing_signature_header(name: str) -> None:
    headers = signed(NEW)
    del headers[name]
    with pytest.raises(BadSignature, match=name.lower()):
        Verifier(NEW).verify(headers, BODY, now=NOW)


@pytest.mark.parametrize("sent", ["", "soon", "-1", "1e9", "٣٣", "9" * 40])
def test_client_refuses_an_invalid_signature_timestamp(sent: str) -> None:
    with pytest.raises(BadSignature, match="whole number"):
        Verifier(NEW).verify({**signed(NEW), "Webhook-Timestamp": sent}, BODY, now=NOW)


@pytest.mark.parametrize("header", ["", ",", "v1", "v1,", "v1,é", "v1a,AAAA", "v1 v1 v1,====="])
def test_client_refuses_unreadable_signatures(header: str) -> None:
    public, _ = a_pair()
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW, public).verify({**signed(NEW), "Webhook-Signature": header}, BODY, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "secret", "whpk_AAAA", "whsec_é", "whsk_AAAA"])
def test_client_refuses_an_invalid_secret_at_once(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ or whpk_"):
        Verifier(secret)
    with pytest.raises(ValueError, match="at least one"):
        Verifier()
