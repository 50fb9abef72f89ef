"""Forged, foreign and expired tokens are refused; every route names its roles."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from forgeries import Forger, encode
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from thing_service import KEY, a_client, a_token, an_app, settings_for

from chassis.auth import Unauthenticated, assert_every_route_names_its_roles, public, roles
from chassis.settings import Settings
from testkit.service_instances import eventually

APP = an_app(settings_for())
FORGER = Forger(KEY, Settings().oidc_issuer, "maker")
KINDS = FORGER.all()


@pytest.mark.parametrize("values", KINDS.values(), ids=KINDS.keys())
async def test_auth_answers_401_with_a_challenge_to_an_invalid_token(
    values: list[bytes],
) -> None:
    headers: Any = [(b"Authorization", value) for value in values]
    async with a_client(APP, "") as client:
        answer = await client.get("/things", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:ltc:problem:unauthenticated"


@pytest.mark.parametrize("claimed", [[], None, ["stranger"], ["Maker"], [["maker"]]])
async def test_auth_answers_403_to_a_token_without_the_role(claimed: Any) -> None:
    token = FORGER.good(roles=claimed)
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
async def test_auth_accepts_each_pinned_algorithm(
    algorithm: str, key: ECKey | RSAKey | OKPKey
) -> None:
    app = an_app(settings_for())
    app.state.authenticator.trust(KeySet([key]))
    token = encode({"alg": algorithm, "kid": key.kid}, FORGER.claims(sub=algorithm), key)
    assert (await app.state.authenticator.actor(token)).sub == algorithm


async def test_auth_accepts_one_of_several_audiences() -> None:
    token = FORGER.good(aud=["crm", "ltc"], roles=["stranger"])
    assert (await get_things(token)).status_code == 403


async def test_auth_cache_keeps_no_token_past_its_expiry() -> None:
    authenticator = an_app(settings_for()).state.authenticator

    async def actor() -> str:
        """Of a token that has ended within the leeway for clocks, when it is looked at in time."""
        try:
            return (await authenticator.actor(FORGER.good(exp=int(time.time()) - 3))).sub
        except Unauthenticated:
            return "nobody"

    await eventually(actor, "u-1")
    [(until, _)] = authenticator._cache.values()
    assert until <= time.time()


async def test_auth_accepts_an_expiry_beyond_the_range_of_datetime() -> None:
    authenticator = an_app(settings_for()).state.authenticator
    assert (await authenticator.actor(FORGER.good(exp=10**400))).sub == "u-1"


async def test_auth_refuses_before_the_body_is_validated() -> None:
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
def test_app_refuses_to_start_with_a_route_without_roles(
    dependencies: list[Any],
) -> None:
    with pytest.raises(LookupError, match="/secrets"):
        assert_every_route_names_its_roles(an_app_with(dependencies=dependencies))


@pytest.mark.parametrize("door", [public("a leaflet"), Depends(roles("maker"))])
def test_app_starts_with_routes_that_name_roles_or_are_public(door: Any) -> None:
    assert_every_route_names_its_roles(an_app_with(dependencies=[door]))


def test_app_refuses_to_start_with_a_mounted_application() -> None:
    app = FastAPI()
    app.mount("/hidden", FastAPI())
    with pytest.raises(LookupError, match="/hidden"):
        assert_every_route_names_its_roles(app)
