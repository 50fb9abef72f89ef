"""What attackers, and people with yesterday's token, put into an ``Authorization`` header."""

from __future__ import annotations

import base64
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

from joserfc import jwe, jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

OTHER_DOOR = "http://127.0.0.1:1/keys"
"""Where a forger offers keys; nobody is there, and nobody may ask."""


def encode(header: dict[str, Any], claims: dict[str, Any], key: Any) -> str:
    content = json.dumps(claims).encode()
    return jws.serialize_compact(header, content, key, algorithms=[header["alg"]])


def text(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


class Forger:
    """Makes bad tokens for an issuer whose key they know only where the issuer itself erred."""

    def __init__(self, key: ECKey, issuer: str, role: str) -> None:
        self._key = key
        self._issuer = issuer
        self._role = role
        self._stranger = ECKey.generate_key("P-256", auto_kid=True)
        self.header = {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}

    def claims(self, **changes: Any) -> dict[str, Any]:
        """What a good token says, with changes; a change to None leaves the claim out."""
        good = {
            "iss": self._issuer,
            "aud": "ltc",
            "sub": "u-1",
            "exp": int(time.time()) + 600,
            "roles": [self._role],
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def good(self, **changes: Any) -> str:
        """Signed by the issuer, whatever it says."""
        return encode(self.header, self.claims(**changes), self._key)

    def good_with_long_end(self) -> str:
        content = json.dumps(self.claims(exp=0)).replace('"exp": 0', '"exp": ' + "9" * 5000)
        return jws.serialize_compact(self.header, content.encode(), self._key)

    def of_kind(self, typ: str) -> str:
        return encode({**self.header, "typ": typ}, self.claims(), self._key)

    def unsigned(self, header: Mapping[str, Any], seal: bytes = b"") -> str:
        parts = (json.dumps(header).encode(), json.dumps(self.claims()).encode(), seal)
        return ".".join(map(text, parts))

    def by_a_stranger(self, **header: Any) -> str:
        return encode({**self.header, **header}, self.claims(), self._stranger)

    def sealed_with_the_public_key(self) -> str:
        """HMAC under what everybody knows; by hand, as joserfc refuses to make such a token."""
        content = self.unsigned({**self.header, "alg": "HS256"}).removesuffix(".")
        secret = self._key.as_pem(private=False)
        return f"{content}.{text(hmac.digest(secret, content.encode(), 'sha256'))}"

    def with_another_payload(self) -> str:
        head, _, seal = self.good().split(".")
        claims = self.claims(roles=["admin", self._role])
        return f"{head}.{text(json.dumps(claims).encode())}.{seal}"

    def with_a_flipped_bit(self) -> str:
        head, payload, seal = self.good().split(".")
        first, *rest = base64.urlsafe_b64decode(seal + "==")
        return f"{head}.{payload}.{text(bytes([first ^ 1, *rest]))}"

    def encrypted(self) -> str:
        """For us to open, with a key that everybody may have."""
        secret = OctKey.generate_key(256)
        header = {"alg": "dir", "enc": "A256GCM", "kid": self._key.kid}
        return jwe.encrypt_compact(header, json.dumps(self.claims()).encode(), secret)

    def forged(self) -> dict[str, str]:
        """Tokens that the issuer did not make."""
        strangers = self._stranger.as_dict(private=False)
        return {
            "no algorithm": self.unsigned({"alg": "none", "kid": self._key.kid}),
            "no algorithm, oddly spelt": self.unsigned({"alg": "nOnE", "kid": self._key.kid}),
            "an algorithm that is a list": self.unsigned({**self.header, "alg": ["ES256"]}),
            "HMAC with the public key": self.sealed_with_the_public_key(),
            "a stranger's key under our key's id": self.by_a_stranger(),
            "a key that comes with the token": self.by_a_stranger(jwk=strangers),
            "keys at an address of the forger": self.by_a_stranger(jku=OTHER_DOOR),
            "a certificate at an address of the forger": self.by_a_stranger(x5u=OTHER_DOOR),
            "a certificate that comes with the token": self.by_a_stranger(x5c=["MIIB"]),
            "an unknown key id": self.by_a_stranger(kid=self._stranger.kid),
            "a key id that is a path": self.by_a_stranger(kid="../../dev/null"),
            "an RSA key under our key's id": encode(
                {**self.header, "alg": "RS256"}, self.claims(), RSAKey.generate_key(2048)
            ),
            "an Edwards key under our key's id": encode(
                {**self.header, "alg": "Ed25519"}, self.claims(), OKPKey.generate_key("Ed25519")
            ),
            "another payload under the old seal": self.with_another_payload(),
            "a seal with one bit flipped": self.with_a_flipped_bit(),
            "a seal of zeros": self.unsigned(self.header, bytes(64)),
            "an unknown critical extension": self.unsigned(
                {**self.header, "crit": ["wallet"], "wallet": 1}
            ),
            "encrypted, not signed": self.encrypted(),
            "one part": "abc",
            "three empty parts": "..",
            "a header that is a list": f"{text(b'[]')}.e30.e30",
            "letters beyond ASCII": "é.é.é",
            "a megabyte": f"{'A' * 350_000}.{'A' * 350_000}.{'A' * 350_000}",
        }

    def unfit(self) -> dict[str, str]:
        """Tokens that the issuer made: for others, for another time, or wrongly."""
        now = int(time.time())
        return {
            "no key id": encode({"alg": "ES256", "typ": "at+jwt"}, self.claims(), self._key),
            "another issuer": self.good(iss="https://elsewhere.example"),
            "no issuer": self.good(iss=None),
            "another audience": self.good(aud="crm"),
            "no audience": self.good(aud=None),
            "expired": self.good(exp=now - 60),
            "never expiring": self.good(exp=None),
            "expiring at a word": self.good(exp="tomorrow"),
            "expiring after more digits than numbers have": self.good_with_long_end(),
            "not valid yet": self.good(nbf=now + 3600),
            "issued in the future": self.good(iat=now + 3600),
            "an ID token": self.of_kind("id+jwt"),
            "a logout token": encode(
                {**self.header, "typ": "logout+jwt"}, self.claims(), self._key
            ),
            "nobody's": self.good(sub=None),
            "of somebody without a name": self.good(sub=""),
            "roles that are one word": self.good(roles=self._role),
            "a subject that no database stores": self.good(sub="a\0b"),
            "a name of half characters": self.good(name="\ud800"),
        }

    def headers(self) -> Iterator[tuple[str, list[bytes]]]:
        """What else can stand in the header, or in two."""
        good, bad = self.good().encode(), self.by_a_stranger().encode()
        yield "no header", []
        yield "an empty header", [b""]
        yield "a scheme alone", [b"Bearer "]
        yield "a password", [b"Basic dTpw"]
        yield "a token without a scheme", [good]
        yield "a token under another scheme", [b"DPoP " + good]
        yield "two tokens in one header", [b"Bearer " + good + b", Bearer " + bad]
        yield "two headers, the first one good", [b"Bearer " + good, b"Bearer " + bad]
        yield "two headers, the second one good", [b"Bearer " + bad, b"Bearer " + good]

    def all(self) -> dict[str, list[bytes]]:
        """Every kind as the values of ``Authorization``, to be answered 401."""
        tokens = {**self.forged(), **self.unfit()}
        return {
            # As bytes, because clients would not send letters beyond ASCII.
            **{kind: [b"Bearer " + token.encode("latin-1")] for kind, token in tokens.items()},
            **dict(self.headers()),
        }
