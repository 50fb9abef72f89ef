"""Who asks, and whether they may. Deny by default: a route that names no roles does not start."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request, Security
from fastapi.dependencies.models import Dependant
from fastapi.routing import iter_route_contexts
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import JWKRegistry, Key, KeySet

from chassis.limits import Budget, address_of
from chassis.settings import Settings

logger = logging.getLogger(__name__)

ALGORITHMS = ["ES256", "RS256", "Ed25519", "EdDSA"]
"""The last is the older name of the one before it; issuers still use it."""
FRESH_S = 300.0
"""Older keys are fetched again, while requests go on with the old ones."""
REFRESH_S = 10.0
"""An unknown key id makes us ask the issuer again, at most this often."""
FIRST_RETRY_S = 1.0
"""How soon we ask again while we have no key at all."""
KEEP_S = 3600.0
"""How long known keys are trusted while the issuer does not answer."""
CACHE_S = 60.0
CACHE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asked: from the token, or the service itself."""

    sub: str
    name: str
    email: str | None = None
    roles: frozenset[str] = frozenset()
    """Behind a door: those that opened it. What a person may do by another role says nothing about
    what they may see or change here."""
    teams: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    """Every role of the token."""

    @classmethod
    def system(cls, service: str) -> Actor:
        return cls(sub=f"system:{service}", name=service, roles=frozenset({"system"}))


class Unauthenticated(HTTPException):
    """No token, or one that we do not believe."""

    def __init__(self, detail: str) -> None:
        super().__init__(401, detail, {"WWW-Authenticate": 'Bearer error="invalid_token"'})


class Authenticator:
    """Checks bearer tokens against the issuer's published keys."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer
        self._audience = settings.oidc_audience
        self._jwks_url = settings.oidc_jwks_url
        self._keys: KeySet | None = None
        self._fetched_at = -math.inf
        self._asked_at = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        self._cache: dict[bytes, tuple[float, Actor]] = {}

    def trust(self, keys: KeySet) -> None:
        """Use these keys for good, without asking anybody, as tests do."""
        self._keys = keys
        self._fetched_at = self._asked_at = math.inf

    async def actor(self, token: str) -> Actor:
        """Whose token this is. Raises Unauthenticated when it does not convince."""
        fingerprint = hashlib.blake2b(token.encode(), digest_size=16).digest()
        cached = self._cache.get(fingerprint)
        if cached and cached[0] > time.time():
            return cached[1]
        claims = await self.claims(token)
        actor = _read(claims)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[fingerprint] = (min(claims["exp"], time.time() + CACHE_S), actor)
        return actor

    async def claims(self, token: str, *, audience: str | None = None) -> dict[str, Any]:
        """What a token of our issuer says, to us or to another audience. Raises Unauthenticated."""
        decoded = _decode(token, await self._trusted())
        if decoded is None:
            decoded = _decode(token, await self._trusted(again=True))
        if decoded is None:
            raise Unauthenticated("the token's key is not one of the issuer's")
        if "kid" not in decoded.header:
            raise Unauthenticated("the token does not name its key")
        if decoded.header.get("typ", "JWT").lower() not in ("jwt", "at+jwt"):
            raise Unauthenticated("this is not an access token")
        if not isinstance(decoded.claims, dict):
            raise Unauthenticated("the token makes no claims")
        registry = jwt.JWTClaimsRegistry(
            leeway=5,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": audience or self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(decoded.claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"the token is not valid here: {error}") from error
        return decoded.claims

    async def _trusted(self, *, again: bool = False) -> KeySet:
        """The issuer's keys; asked for ``again``, at most as old as the last time we might ask."""
        age = time.monotonic() - self._fetched_at
        if self._keys is None or again or age > KEEP_S:
            fetching = self._refresh()
            if fetching is not None:
                await asyncio.shield(fetching)
        elif age > FRESH_S:
            self._refresh()
        if self._keys is None or time.monotonic() - self._fetched_at > KEEP_S:
            raise HTTPException(503, "the token issuer does not answer", {"Retry-After": "5"})
        return self._keys

    def _refresh(self) -> asyncio.Task[None] | None:
        """The one request for keys that is under way; none when we asked a moment ago."""
        if self._fetching is None or self._fetching.done():
            pause = REFRESH_S if self._keys is not None else FIRST_RETRY_S
            if time.monotonic() - self._asked_at < pause:
                return None
            self._asked_at = time.monotonic()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            async with httpx.AsyncClient(timeout=5) as client:
                response = await client.get(self._jwks_url)
                response.raise_for_status()
                self._keys = _signing_keys(response.json()["keys"])
                self._fetched_at = time.monotonic()
        except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
            logger.warning("no keys from %s: %s: %s", self._jwks_url, type(error).__name__, error)


def _signing_keys(published: list[dict[str, Any]]) -> KeySet:
    """The keys we can use. Issuers publish others too: for encryption, of kinds we do not know."""
    usable: list[Key] = []
    for key in published:
        if key.get("kty") == "oct" or key.get("use", "sig") != "sig":
            continue
        try:
            usable.append(JWKRegistry.import_key(key))
        except (JoseError, ValueError, TypeError, KeyError) as error:
            logger.info("key %s of the issuer is of no use here: %s", key.get("kid"), error)
    return KeySet(usable)


def _decode(token: str, keys: KeySet) -> jwt.Token | None:
    """A token that one of the keys signed; none when it names a key we do not have."""
    try:
        return jwt.decode(token, keys, algorithms=ALGORITHMS)
    except InvalidKeyIdError:
        return None
    except (JoseError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unauthenticated("the token's signature is not one we trust") from error


def _read(claims: dict[str, Any]) -> Actor:
    roles, teams = claims.get("roles", []), claims.get("teams", [])
    if not isinstance(roles, list) or not isinstance(teams, list):
        raise Unauthenticated("roles and teams must be lists")
    email = claims.get("email")
    return Actor(
        sub=_storable(claims["sub"]),
        name=_storable(str(claims.get("name", claims["sub"]))),
        email=_storable(email) if isinstance(email, str) else None,
        roles=frozenset(map(str, roles)),
        teams=frozenset(map(str, teams)),
    )


def _storable(text: str) -> str:
    """What is written beside everything that the person does. Raises Unauthenticated for text that
    PostgreSQL cannot hold: NUL, and half characters."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise Unauthenticated("the token names a person in text that cannot be stored")
    return text


async def authenticate(request: Request) -> Actor:
    """The actor of a request's bearer token. Charges their budget of requests, once a request."""
    known: Actor | None = getattr(request.state, "authenticated", None)
    if known is not None:
        return known
    budget: Budget | None = getattr(request.app.state, "budget", None)
    headers = request.headers.getlist("authorization")
    header = headers[0] if headers else ""
    scheme, _, token = header.partition(" ")
    try:
        if len(headers) > 1:  # whoever stands before us may have believed the other one
            raise Unauthenticated("one Authorization header is needed, not several")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("a bearer token is needed")
        authenticator: Authenticator = request.app.state.authenticator
        actor = await authenticator.actor(token.strip())
    except Unauthenticated:
        if budget is not None and header:
            budget.spend(address_of(request.scope))
        raise
    if budget is not None:
        budget.spend(actor.sub)
    request.state.authenticated = request.state.actor = actor
    return actor


BEARER = Security(HTTPBearer(auto_error=False, description="An access token of your provider"))
"""For OpenAPI alone, which says of each operation that it needs a token."""
Door = Callable[[Request], Awaitable[Actor]]
"""Lets a request in and says who asks, or raises."""


def roles(*allowed: str) -> Door:
    """A dependency that lets these roles in and gives the actor."""

    async def authorise(request: Request, _: Any = BEARER) -> Actor:
        actor = await authenticate(request)
        if not actor.roles & authorise.allowed:  # type: ignore[attr-defined]
            raise HTTPException(403, f"this needs one of the roles {', '.join(sorted(allowed))}")
        opened = replace(actor, roles=actor.roles & authorise.allowed, held=actor.roles)  # type: ignore[attr-defined]
        request.state.actor = opened
        return opened

    authorise.allowed = frozenset(allowed)  # type: ignore[attr-defined]
    authorise.is_door = True  # type: ignore[attr-defined]
    return authorise


def doors_of(dependant: Dependant) -> list[Door]:
    """The doors that a route's own parameters name, to be passed before anything is read."""
    found: list[Door] = []
    for sub in dependant.dependencies:
        if sub.call is not None and getattr(sub.call, "is_door", False):
            found.append(sub.call)
        found += doors_of(sub)
    return found


def public(why: str) -> Any:
    """Mark a route as open to everybody, and say why."""

    async def anybody() -> None:
        return None

    anybody.allowed = frozenset({f"public: {why}"})  # type: ignore[attr-defined]
    return Depends(anybody)


def assert_every_route_names_its_roles(app: FastAPI) -> None:
    """Refuse to start with a route that nobody decided about. Raises LookupError naming it."""
    documentation = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}
    for context in iter_route_contexts(app.router.routes):
        route = context.route
        path = getattr(context, "path", None) or getattr(route, "path", "")
        if path in documentation:
            continue
        dependant = getattr(context, "dependant", None) or getattr(route, "dependant", None)
        if dependant is None or not _roles_of(dependant):
            raise LookupError(f"{path} names neither roles nor public(why)")


def _roles_of(dependant: Any) -> frozenset[str]:
    found: frozenset[str] = frozenset()
    for sub in dependant.dependencies:
        found |= getattr(sub.call, "allowed", frozenset()) | _roles_of(sub)
    return found
