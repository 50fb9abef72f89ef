"""Who asks, and whether they may. Deny by default: a route that names no roles does not start."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.routing import iter_route_contexts
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from chassis.settings import Settings

ALGORITHMS = ["ES256", "RS256", "EdDSA"]
REFRESH_S = 10.0
"""An unknown key id makes us ask the issuer again, at most this often."""
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
    teams: frozenset[str] = frozenset()

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
        self._fetched_at = 0.0
        self._asked_at = 0.0
        self._fetching = asyncio.Lock()
        self._cache: dict[bytes, tuple[float, Actor]] = {}

    def trust(self, keys: KeySet) -> None:
        """Use these keys without asking anybody, as tests do."""
        self._keys = keys
        self._fetched_at = self._asked_at = time.monotonic()

    async def actor(self, token: str) -> Actor:
        """Whose token this is. Raises Unauthenticated when it does not convince."""
        fingerprint = hashlib.blake2b(token.encode(), digest_size=16).digest()
        cached = self._cache.get(fingerprint)
        if cached and cached[0] > time.time():
            return cached[1]
        claims = await self._claims(token)
        actor = self._read(claims)
        if len(self._cache) >= CACHE_SIZE:
            self._cache.clear()
        self._cache[fingerprint] = (min(float(claims["exp"]), time.time() + CACHE_S), actor)
        return actor

    async def _claims(self, token: str) -> dict[str, Any]:
        for last in (False, True):
            keys = await self._known_keys(again=last)
            try:
                decoded = jwt.decode(token, keys, algorithms=ALGORITHMS)
            except (JoseError, ValueError, TypeError, KeyError) as error:
                if last or not isinstance(error, ValueError):
                    raise Unauthenticated("the token's signature is not one we trust") from error
                continue
            if decoded.header.get("typ", "JWT").lower() not in ("jwt", "at+jwt"):
                raise Unauthenticated("this is not an access token")
            return dict(decoded.claims)
        raise Unauthenticated("the token's key is unknown")

    def _read(self, claims: dict[str, Any]) -> Actor:
        registry = jwt.JWTClaimsRegistry(
            leeway=5,
            iss={"essential": True, "value": self._issuer},
            aud={"essential": True, "value": self._audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        try:
            registry.validate(claims)
        except (JoseError, ValueError, TypeError) as error:
            raise Unauthenticated(f"the token is not valid here: {error}") from error
        roles, teams = claims.get("roles", []), claims.get("teams", [])
        if not isinstance(roles, list) or not isinstance(teams, list):
            raise Unauthenticated("roles and teams must be lists")
        return Actor(
            sub=str(claims["sub"]),
            name=str(claims.get("name", claims["sub"])),
            email=claims.get("email"),
            roles=frozenset(map(str, roles)),
            teams=frozenset(map(str, teams)),
        )

    async def _known_keys(self, *, again: bool) -> KeySet:
        """The issuer's keys; fetched once at a time, and again for an unknown key id."""
        now = time.monotonic()
        if self._keys is not None and (not again or now - self._asked_at < REFRESH_S):
            return self._keys
        async with self._fetching:
            if self._keys is not None and time.monotonic() - self._asked_at < REFRESH_S:
                return self._keys
            self._asked_at = time.monotonic()
            try:
                async with httpx.AsyncClient(timeout=5) as client:
                    response = await client.get(self._jwks_url)
                    response.raise_for_status()
                    self._keys = KeySet.import_key_set(response.json())
                    self._fetched_at = time.monotonic()
            except (httpx.HTTPError, ValueError) as error:
                if self._keys is None or time.monotonic() - self._fetched_at > KEEP_S:
                    self._asked_at = 0.0
                    raise HTTPException(
                        503, "the token issuer does not answer", {"Retry-After": "5"}
                    ) from error
        return self._keys


async def authenticate(request: Request) -> Actor:
    """The actor of a request's bearer token."""
    header = request.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("a bearer token is needed")
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.actor(token.strip())


def roles(*allowed: str) -> Callable[[Request], Any]:
    """A dependency that lets these roles in and gives the actor."""

    async def authorise(request: Request) -> Actor:
        actor = await authenticate(request)
        if not actor.roles & set(allowed):
            raise HTTPException(403, f"this needs one of the roles {', '.join(sorted(allowed))}")
        request.state.actor = actor
        return actor

    authorise.allowed = frozenset(allowed)  # type: ignore[attr-defined]
    return authorise


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
