"""Forged, foreign and worn-out tokens: none of them opens a door."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from thing_service import KEY, a_client, a_token, an_app, encode, settings_for

from chassis.auth import assert_every_route_names_its_roles, public, roles
from chassis.settings import Settings

APP = an_app(settings_for())
ISSUER = Settings().oidc_issuer
HEADER = {"alg": "ES256", "kid": KEY.kid, "typ": "at+jwt"}
STRANGER = ECKey.generate_key("P-256", auto_kid=True)


def claims(**changes: Any) -> dict[str, Any]:
    """What a good token says, with changes; a change to None leaves the claim out."""
    now = int(time.time())
    good = {"iss": ISSUER, "aud": "ltc", "sub": "u-1", "exp": now + 600, "roles": ["maker"]}
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def text(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).decode().rstrip("=")


def unsigned(header: dict[str, Any], seal: bytes = b"") -> str:
    return ".".join(map(text, (json.dumps(header).encode(), json.dumps(claims()).encode(), seal)))


def sealed_with_the_public_key() -> str:
    """HMAC under what everybody knows; by hand, because joserfc refuses to make such a token."""
    content = unsigned({"alg": "HS256", "kid": KEY.kid, "typ": "at+jwt"}).removesuffix(".")
    secret = KEY.as_pem(private=False)
    return f"{content}.{text(hmac.digest(secret, content.encode(), 'sha256'))}"


def changed_payload() -> str:
    head, _, seal = encode(HEADER, claims()).split(".")
    return f"{head}.{text(json.dumps(claims(roles=['admin', 'maker'])).encode())}.{seal}"


def with_own_key() -> str:
    """Signed by a stranger who hands over the key to check it with."""
    header = {**HEADER, "jwk": STRANGER.as_dict(private=False)}
    return encode(header, claims(), STRANGER)


LATER, EARLIER = int(time.time()) + 3600, int(time.time()) - 60
FORGED = {
    "no algorithm": unsigned({"alg": "none", "kid": KEY.kid}),
    "no algorithm, oddly spelt": unsigned({"alg": "nOnE", "kid": KEY.kid}),
    "HMAC with the public key": sealed_with_the_public_key(),
    "a stranger's key under our key's id": encode(HEADER, claims(), STRANGER),
    "a key that comes with the token": with_own_key(),
    "keys at an address of the forger": encode(
        {**HEADER, "jku": "http://127.0.0.1:1/keys"}, claims(), STRANGER
    ),
    "an unknown key id": encode({**HEADER, "kid": STRANGER.kid}, claims(), STRANGER),
    "no key id": encode({"alg": "ES256", "typ": "at+jwt"}, claims()),
    "an RSA key under our key's id": encode(
        {**HEADER, "alg": "RS256"}, claims(), RSAKey.generate_key(2048)
    ),
    "an Edwards key under our key's id": encode(
        {**HEADER, "alg": "Ed25519"}, claims(), OKPKey.generate_key("Ed25519")
    ),
    "another payload under the old seal": changed_payload(),
    "a seal of zeros": unsigned(HEADER, bytes(64)),
    "an unknown critical extension": unsigned({**HEADER, "crit": ["wallet"], "wallet": 1}),
    "another issuer": encode(HEADER, claims(iss="https://elsewhere.example")),
    "no issuer": encode(HEADER, claims(iss=None)),
    "another audience": encode(HEADER, claims(aud="crm")),
    "no audience": encode(HEADER, claims(aud=None)),
    "expired": encode(HEADER, claims(exp=EARLIER)),
    "never expiring": encode(HEADER, claims(exp=None)),
    "expiring at a word": encode(HEADER, claims(exp="tomorrow")),
    "not valid yet": encode(HEADER, claims(nbf=LATER)),
    "issued in the future": encode(HEADER, claims(iat=LATER)),
    "an ID token": encode({**HEADER, "typ": "id+jwt"}, claims()),
    "nobody's": encode(HEADER, claims(sub=None)),
    "roles that are one word": encode(HEADER, claims(roles="maker")),
    "one part": "abc",
    "three empty parts": "..",
    "a header that is a list": f"{text(b'[]')}.e30.e30",
    "letters beyond ASCII": "é.é.é",
}


@pytest.mark.parametrize("token", FORGED.values(), ids=FORGED.keys())
async def test_a_token_that_is_not_ours_is_answered_401_with_a_challenge(token: str) -> None:
    # As bytes, because the client would not send letters beyond ASCII.
    header = b"Bearer " + token.encode("latin-1")
    async with a_client(APP, "") as client:
        answer = await client.get("/things", headers=[(b"Authorization", header)])  # type: ignore[arg-type]
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:ltc:problem:unauthenticated"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic dTpw", "maker"])
async def test_a_request_without_a_bearer_token_is_answered_401(header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    async with a_client(APP, "") as client:
        answer = await client.get("/things", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("claimed", [[], None, ["stranger"], ["Maker"], [["maker"]]])
async def test_a_good_token_without_the_role_is_answered_403(claimed: Any) -> None:
    token = encode(HEADER, claims(roles=claimed))
    async with a_client(APP, token) as client:
        answer = await client.post("/things", json={"name": "x"})
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:ltc:problem:forbidden"


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("ES256", ECKey.generate_key("P-256", auto_kid=True)),
        ("RS256", RSAKey.generate_key(2048, auto_kid=True)),
        ("Ed25519", OKPKey.generate_key("Ed25519", auto_kid=True)),
    ],
)
async def test_each_pinned_algorithm_is_accepted(
    algorithm: str, key: ECKey | RSAKey | OKPKey
) -> None:
    app = an_app(settings_for())
    app.state.authenticator.trust(KeySet([key]))
    token = encode({"alg": algorithm, "kid": key.kid}, claims(sub=algorithm), key)
    assert (await app.state.authenticator.actor(token)).sub == algorithm


async def test_an_audience_may_be_one_of_several() -> None:
    token = encode(HEADER, claims(aud=["crm", "ltc"], roles=["stranger"]))
    assert (await get_things(token)).status_code == 403


async def test_a_verified_token_is_not_believed_past_its_end() -> None:
    authenticator = an_app(settings_for()).state.authenticator
    token = encode(HEADER, claims(exp=int(time.time()) - 3))  # within the leeway for clocks
    assert (await authenticator.actor(token)).sub == "u-1"
    [(until, _)] = authenticator._cache.values()
    assert until <= time.time()


async def test_who_may_not_enter_is_told_before_their_body_is_looked_at() -> None:
    async with a_client(APP, a_token("looker")) as client:
        answer = await client.post("/things", content=b"{", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 403


async def get_things(token: str) -> httpx.Response:
    async with a_client(APP, token) as client:
        return await client.get("/things")


def an_app_with(*, dependencies: list[Any]) -> FastAPI:
    router = APIRouter()

    @router.get("/secrets", dependencies=dependencies)
    async def secrets() -> None:
        return None

    app = FastAPI()
    app.include_router(router)
    return app


@pytest.mark.parametrize("dependencies", [[], [Depends(roles())]], ids=["nothing", "no role"])
def test_a_route_that_names_neither_roles_nor_public_does_not_start(
    dependencies: list[Any],
) -> None:
    with pytest.raises(LookupError, match="/secrets"):
        assert_every_route_names_its_roles(an_app_with(dependencies=dependencies))


@pytest.mark.parametrize("door", [public("a leaflet"), Depends(roles("maker"))])
def test_a_route_that_names_its_roles_or_why_it_is_public_starts(door: Any) -> None:
    assert_every_route_names_its_roles(an_app_with(dependencies=[door]))


def test_a_mounted_application_does_not_start_unseen() -> None:
    app = FastAPI()
    app.mount("/hidden", FastAPI())
    with pytest.raises(LookupError, match="/hidden"):
        assert_every_route_names_its_roles(app)
