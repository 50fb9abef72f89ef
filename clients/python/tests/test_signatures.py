"""Held against another's signer: the Standard Webhooks reference, and `cryptography`'s ed25519."""

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


def test_the_reference_signer_is_believed() -> None:
    assert Verifier(NEW).verify(signed(NEW), BODY, now=NOW) == "msg_1"


def test_while_a_secret_is_replaced_either_side_may_be_first() -> None:
    Verifier(NEW, OLD).verify(signed(OLD), BODY, now=NOW)
    Verifier(OLD).verify(signed(NEW, OLD), BODY, now=NOW)


def test_ed25519_is_believed_by_its_public_key() -> None:
    public, private = a_pair()
    Verifier(OLD, public).verify(signed_by(private), BODY, now=NOW)
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(a_pair()[0]).verify(signed_by(private), BODY, now=NOW)


def test_an_ed25519_signature_does_not_pass_as_hmac() -> None:
    headers = signed(NEW)
    headers["Webhook-Signature"] = headers["Webhook-Signature"].replace("v1,", "v1a,")
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW).verify(headers, BODY, now=NOW)


def test_another_secret_is_not_believed() -> None:
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(OLD).verify(signed(NEW), BODY, now=NOW)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp"])
def test_what_was_signed_cannot_be_changed(name: str) -> None:
    headers = signed(NEW)
    headers[name] = headers[name][:-1] + "7"
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW).verify(headers, BODY, now=NOW)
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW).verify(signed(NEW), BODY + b" ", now=NOW)


@pytest.mark.parametrize("apart", [-301, 301])
def test_an_old_one_is_not_believed_again(apart: int) -> None:
    Verifier(NEW).verify(signed(NEW), BODY, now=NOW + apart - apart // 301)
    with pytest.raises(BadSignature, match="more than 300 s"):
        Verifier(NEW).verify(signed(NEW), BODY, now=NOW + apart)


@pytest.mark.parametrize("name", ["Webhook-Id", "Webhook-Timestamp", "Webhook-Signature"])
def test_a_header_that_is_missing_is_named(name: str) -> None:
    headers = signed(NEW)
    del headers[name]
    with pytest.raises(BadSignature, match=name.lower()):
        Verifier(NEW).verify(headers, BODY, now=NOW)


@pytest.mark.parametrize("sent", ["", "soon", "-1", "1e9", "٣٣", "9" * 40])
def test_a_timestamp_that_is_none_is_refused(sent: str) -> None:
    with pytest.raises(BadSignature, match="whole number"):
        Verifier(NEW).verify({**signed(NEW), "Webhook-Timestamp": sent}, BODY, now=NOW)


@pytest.mark.parametrize("header", ["", ",", "v1", "v1,", "v1,é", "v1a,AAAA", "v1 v1 v1,====="])
def test_signatures_that_cannot_be_read_are_none(header: str) -> None:
    public, _ = a_pair()
    with pytest.raises(BadSignature, match="no signature fits"):
        Verifier(NEW, public).verify({**signed(NEW), "Webhook-Signature": header}, BODY, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "secret", "whpk_AAAA", "whsec_é", "whsk_AAAA"])
def test_what_is_no_secret_is_refused_at_once(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ or whpk_"):
        Verifier(secret)
    with pytest.raises(ValueError, match="at least one"):
        Verifier()
