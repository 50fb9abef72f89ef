"""``python -m chassis.issuer``: a token issuer for development. Never for production: it believes
whoever asks. An installation points ``LTC_OIDC_*`` at its own OpenID Connect provider instead."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from pydantic import BaseModel, ConfigDict, Field

AUDIENCE = "ltc"


class SignIn(BaseModel):
    """Who to be."""

    model_config = ConfigDict(extra="forbid")

    sub: str = "dev"
    name: str = "Developer"
    email: str | None = None
    roles: list[str]
    teams: list[str] = []
    ttl_s: int = Field(default=3600, ge=1, le=86_400)


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
    now = int(time.time())
    claims = {
        "iss": issuer,
        "aud": AUDIENCE,
        "sub": sub,
        "name": name,
        "email": email,
        "roles": roles,
        "teams": teams,
        "iat": now,
        "nbf": now - 1,
        "exp": now + ttl_s,
    }
    header = {"alg": "ES256", "kid": key.kid, "typ": "at+jwt"}
    return jwt.encode(header, claims, key, algorithms=["ES256"])


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


def create_issuer(key_file: Path, issuer: str) -> FastAPI:
    """The issuer's own small application."""
    app = FastAPI(title="LTC development issuer", description=__doc__)
    key = load_key(key_file)

    @app.get("/.well-known/openid-configuration")
    async def configuration() -> dict[str, object]:
        return {
            "issuer": issuer,
            "jwks_uri": f"{issuer}/jwks.json",
            "token_endpoint": f"{issuer}/token",
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    @app.get("/jwks.json")
    async def jwks() -> dict[str, object]:
        return dict(KeySet([key]).as_dict(private=False))

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    @app.post("/token")
    async def token(who: SignIn) -> dict[str, object]:
        """A token for whoever you say you are. Development only."""
        signed = sign(
            key,
            issuer,
            sub=who.sub,
            name=who.name,
            email=who.email,
            roles=who.roles,
            teams=who.teams,
            ttl_s=who.ttl_s,
        )
        return {"access_token": signed, "token_type": "Bearer", "expires_in": who.ttl_s}

    return app


def main() -> None:
    host = os.environ.get("LTC_HTTP_HOST", "127.0.0.1")
    port = int(os.environ.get("LTC_HTTP_PORT", "8100"))
    issuer = os.environ.get("LTC_OIDC_ISSUER", f"http://127.0.0.1:{port}")
    key_file = Path(os.environ.get("LTC_ISSUER_KEY_FILE", ".ltc/issuer/key.json"))
    app = create_issuer(key_file, issuer)
    print(  # noqa: T201 - whoever starts this by hand must read it
        f"{issuer}: FOR DEVELOPMENT ONLY. Whoever reaches it can sign in here as anybody.",
        file=sys.stderr,
        flush=True,
    )
    uvicorn.run(app, host=host, port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
