"""How a browser signs in at the development issuer: OAuth's authorization code with PKCE.

Only ever back to this machine, and a code is good once, for a minute.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import secrets
import time
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from contracts.roles import DEMO_PEOPLE

CODE_S = 60.0
SESSION_S = 8 * 3600
THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "::1"})
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>DEVELOPMENT sign-in</title>
<meta name="viewport" content="width=device-width,initial-scale=1">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:34rem;margin:3rem auto;padding:0 1rem}}
strong{{background:#b00;color:#fff;padding:.2rem .5rem}}li{{margin:.4rem 0}}</style>
<h1>Who are you today?</h1>
<p><strong>DEVELOPMENT</strong> Whoever reaches this page can sign in as anybody. An installation
that matters has its own OpenID Connect provider: <code>LTC_OIDC_ISSUER</code>.</p>
<ul>{people}</ul></html>"""


class SignIn(BaseModel):
    """Who to be."""

    model_config = ConfigDict(extra="forbid")

    sub: str = "dev"
    name: str = "Developer"
    email: str | None = None
    roles: list[str]
    teams: list[str] = []
    ttl_s: int = Field(default=3600, ge=1, le=86_400)


PEOPLE = {
    sub: SignIn(sub=sub, name=name, roles=[*roles], ttl_s=SESSION_S)
    for sub, (name, *roles) in DEMO_PEOPLE.items()
}


class GrantRefused(ValueError):
    """What a client brings for a token is not good; ``code`` is OAuth's word for why."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code


class Asked(BaseModel):
    """An authorization request (RFC 6749, 4.1.1; RFC 7636, 4.3; OpenID Connect Core, 3.1.2.1)."""

    response_type: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    state: str = ""
    scope: str = ""
    nonce: str | None = None

    @property
    def obstacle(self) -> str:
        """Why nobody is sent back with a code for this; empty when somebody may be."""
        place = urlsplit(self.redirect_uri)
        if place.scheme not in ("http", "https") or place.hostname not in THIS_MACHINE:
            return "redirect_uri must be on this machine: this issuer is for development"
        if self.response_type != "code":
            return "response_type must be code"
        if self.code_challenge_method != "S256" or len(self.code_challenge) != 43:
            return "PKCE with S256 is needed"
        return ""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who signed in, and what the client has to bring to hear of it."""

    who: SignIn
    client_id: str
    redirect_uri: str
    challenge: str
    nonce: str | None
    until: float


class Codes:
    """The codes that were given and not redeemed yet."""

    def __init__(self) -> None:
        self._grants: dict[str, Grant] = {}

    def give(self, who: SignIn, asked: Asked) -> str:
        """A new code for who chose to be somebody."""
        now = time.monotonic()
        self._grants = {code: grant for code, grant in self._grants.items() if grant.until > now}
        code = secrets.token_urlsafe(32)
        self._grants[code] = Grant(
            who, asked.client_id, asked.redirect_uri, asked.code_challenge, asked.nonce,
            now + CODE_S,
        )  # fmt: skip
        return code

    def redeem(self, form: Mapping[str, str]) -> Grant:
        """What a code stands for, once. Raises GrantRefused."""
        if form.get("grant_type") != "authorization_code":
            raise GrantRefused("unsupported_grant_type", "grant_type must be authorization_code")
        grant = self._grants.pop(form.get("code", ""), None)
        if grant is None or grant.until < time.monotonic():
            raise GrantRefused("invalid_grant", "there is no such code, or no longer")
        if form.get("client_id") != grant.client_id:
            raise GrantRefused("invalid_grant", "the code was given to another client")
        if form.get("redirect_uri") != grant.redirect_uri:
            raise GrantRefused("invalid_grant", "the code was sent to another redirect_uri")
        if not hmac.compare_digest(challenge_of(form.get("code_verifier", "")), grant.challenge):
            raise GrantRefused("invalid_grant", "the code_verifier does not fit the challenge")
        return grant


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")


def authorization_router(codes: Codes) -> APIRouter:
    """``/authorize``: a page of people to be, and the way back as one of them."""
    router = APIRouter()

    @router.get("/authorize", response_class=HTMLResponse)
    async def authorize(asked: Annotated[Asked, Query()], be: str | None = None) -> Response:
        """Choose who to be. Development only."""
        if asked.obstacle or (be is not None and be not in PEOPLE):
            return HTMLResponse(html.escape(asked.obstacle or "nobody here is called that"), 400)
        if be is None:
            return HTMLResponse(PAGE.format(people="".join(_choices(asked))))
        answer = {"code": codes.give(PEOPLE[be], asked), "state": asked.state}
        mark = "&" if "?" in asked.redirect_uri else "?"
        return RedirectResponse(asked.redirect_uri + mark + urlencode(answer), 303)

    return router


def _choices(asked: Asked) -> list[str]:
    same = asked.model_dump(exclude_none=True)
    return [
        f'<li><a href="?{html.escape(urlencode({**same, "be": sub}))}">{html.escape(who.name)}</a>'
        f" ({html.escape(', '.join(who.roles))})</li>"
        for sub, who in PEOPLE.items()
    ]
