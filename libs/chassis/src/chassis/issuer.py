"""``python -m chassis.issuer``: a token issuer for development. Never for production: it believes
whoever asks. An installation points ``LTC_OIDC_*`` at its own OpenID Connect provider instead."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from pydantic import ValidationError

from chassis.issuer_codes import Codes, GrantRefused, SignIn, authorization_router
from chassis.server import run

AUDIENCE = "ltc"
FORM = "application/x-www-form-urlencoded"


def load_key(path: Path) -> ECKey:
    """The installation's signing key; made on first use, readable by its owner alone."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump(key.as_dict(private=True), file)
        # Whole or not at all, and whoever links first wins: others read that key.
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return ECKey.import_key(json.loads(path.read_text()))


def sign(
    key: ECKey,
    issuer: str,
    *,
    sub: str,
    name: str,
    email: str | None = None,
    roles: list[str],
    teams: list[str],
    ttl_s: int,
) -> str:
    """An access token."""
    claims = {"sub": sub, "name": name, "email": email, "roles": roles, "teams": teams}
    return _signed(key, issuer, AUDIENCE, claims, ttl_s=ttl_s, kind="at+jwt")


def sign_identity(
    key: ECKey, issuer: str, client_id: str, *, sub: str, nonce: str | None, ttl_s: int
) -> str:
    """An ID token: tells one client who signed in, and opens nothing."""
    claims = {"sub": sub, **({"nonce": nonce} if nonce else {})}
    return _signed(key, issuer, client_id, claims, ttl_s=ttl_s, kind="JWT")


def _signed(
    key: ECKey,
    issuer: str,
    audience: str,
    claims: Mapping[str, object],
    *,
    ttl_s: int,
    kind: str,
) -> str:
    now = int(time.time())
    stamped = {
        "iss": issuer,
        "aud": audience,
        **claims,
        "iat": now,
        "nbf": now - 1,
        "exp": now + ttl_s,
    }
    header = {"alg": "ES256", "kid": key.kid, "typ": kind}
    return jwt.encode(header, stamped, key, algorithms=["ES256"])


def mint(
    key_file: Path,
    issuer: str,
    *,
    sub: str,
    name: str,
    email: str | None = None,
    roles: list[str],
    teams: list[str] | None = None,
    ttl_s: int = 3600,
) -> str:
    """A token signed by the installation's key."""
    return sign(
        load_key(key_file),
        issuer,
        sub=sub,
        name=name,
        email=email,
        roles=roles,
        teams=teams or [],
        ttl_s=ttl_s,
    )


def create_issuer(key_file: Path, issuer: str, *, public_url: str = "") -> FastAPI:
    """The issuer's own small application. ``public_url`` is where browsers reach it, when that is
    not where services do."""
    app = FastAPI(title="LTC development issuer", description=__doc__)
    key = load_key(key_file)
    codes = Codes()
    app.include_router(authorization_router(codes))

    @app.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, object]:
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks.json",
            "authorization_endpoint": f"{public_url or issuer}/authorize",
            "token_endpoint": f"{issuer}/token",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "code_challenge_methods_supported": ["S256"],
            "token_endpoint_auth_methods_supported": ["none"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    @app.get("/jwks.json")
    async def jwks() -> dict[str, object]:
        return dict(KeySet([key]).as_dict(private=False))

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/token", response_model=None)
    async def token(request: Request) -> dict[str, object] | JSONResponse:
        """A token: for a code, as OAuth has it, or for whoever a JSON body says that you are.
        Development only."""
        if request.headers.get("content-type", "").startswith(FORM):
            return _exchange(codes, key, issuer, await request.form())
        try:
            who = SignIn.model_validate_json(await request.body())
        except ValidationError as error:
            raise RequestValidationError(error.errors(include_context=False)) from error
        return _access(key, issuer, who)

    return app


def _access(key: ECKey, issuer: str, who: SignIn) -> dict[str, object]:
    signed = sign(key, issuer, **who.model_dump())
    return {"access_token": signed, "token_type": "Bearer", "expires_in": who.ttl_s}


def _exchange(
    codes: Codes, key: ECKey, issuer: str, form: Mapping[str, object]
) -> dict[str, object] | JSONResponse:
    """Tokens for a code (RFC 6749, 4.1.3)."""
    try:
        grant = codes.redeem({name: str(value) for name, value in form.items()})
    except GrantRefused as refused:
        body = {"error": refused.code, "error_description": str(refused)}
        return JSONResponse(body, 400, {"Cache-Control": "no-store"})
    identity = sign_identity(
        key, issuer, grant.client_id, sub=grant.who.sub, nonce=grant.nonce, ttl_s=grant.who.ttl_s
    )
    return {**_access(key, issuer, grant.who), "id_token": identity}


def main() -> None:
    host = os.environ.get("LTC_HTTP_HOST", "127.0.0.1")
    port = int(os.environ.get("LTC_HTTP_PORT", "8100"))
    issuer = os.environ.get("LTC_OIDC_ISSUER", f"http://127.0.0.1:{port}")
    key_file = Path(os.environ.get("LTC_ISSUER_KEY_FILE", ".ltc/issuer/key.json"))
    public_url = os.environ.get("LTC_PUBLIC_URL", "")
    app = create_issuer(key_file, issuer, public_url=public_url)
    print(  # noqa: T201 - whoever starts this by hand must read it
        f"{issuer}: FOR DEVELOPMENT ONLY. Whoever reaches it can sign in here as anybody.",
        file=sys.stderr,
        flush=True,
    )
    run(app, host=host, port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
