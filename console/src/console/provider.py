"""The OpenID Connect provider as the console speaks to it: what it publishes, tokens for codes."""

from __future__ import annotations

import hashlib
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import Request

from chassis.problems import Problem
from chassis.settings import Settings

FRESH_S = 300.0
WITHIN_S = 15.0


class CodeRefused(Problem):
    """The provider gives no token for what the browser brought back."""

    def __init__(self, why: str) -> None:
        super().__init__(400, f"{why}; begin again at /session/sign-in", type="sign-in-refused")


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a code was good for."""

    access: str
    identity: str


class Provider:
    """One process's view of the provider."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._published: dict[str, Any] = {}
        self._asked_at = 0.0

    async def address_to_sign_in(self, *, state: str, nonce: str, verifier: str) -> str:
        """Where to send a browser. Raises Problem (503) while the provider is away."""
        place = (await self._discovered())["authorization_endpoint"]
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
        asked = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": self._back(),
            "scope": self._settings.oidc_scope,
            "state": state,
            "nonce": nonce,
            "code_challenge": challenge.decode().rstrip("="),
            "code_challenge_method": "S256",
        }
        return f"{place}{'&' if '?' in place else '?'}{urlencode(asked)}"

    async def redeem(self, code: str, verifier: str) -> Tokens:
        """Tokens for a code. Raises CodeRefused, or Problem (503)."""
        place = (await self._discovered())["token_endpoint"]
        client, secret = self._settings.oidc_client_id, self._settings.oidc_client_secret
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back(),
            "client_id": client,
            "code_verifier": verifier,
        }
        known = secret.get_secret_value()
        auth = httpx.BasicAuth(client, known) if known else httpx.Auth()
        try:
            async with httpx.AsyncClient(timeout=WITHIN_S) as http:
                answer = await http.post(place, data=form, auth=auth)
            said = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise _away(error) from error
        if answer.status_code >= 500:
            raise _away(answer.status_code)
        if answer.is_error or not isinstance(said, dict):
            why = said.get("error", "") if isinstance(said, dict) else ""
            raise CodeRefused(f"the provider gives no token for this ({why})")
        try:
            return Tokens(str(said["access_token"]), str(said["id_token"]))
        except KeyError as error:
            raise CodeRefused(f"the provider gave no {error.args[0]}") from error

    def _back(self) -> str:
        return f"{self._settings.base_url()}/session/callback"

    async def _discovered(self) -> dict[str, Any]:
        """What the provider publishes about itself (OpenID Connect Discovery, 4)."""
        if not self._published or time.monotonic() - self._asked_at > FRESH_S:
            place = f"{self._settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration"
            try:
                async with httpx.AsyncClient(timeout=WITHIN_S) as http:
                    answer = await http.get(place)
                    answer.raise_for_status()
                    found = answer.json()
                if found["issuer"] != self._settings.oidc_issuer:
                    raise ValueError(f"it calls itself {found['issuer']}")
                self._published = {
                    name: found[name] for name in ("authorization_endpoint", "token_endpoint")
                }
            except (httpx.HTTPError, ValueError, TypeError, KeyError) as error:
                raise _away(error) from error
            self._asked_at = time.monotonic()
        return self._published


def _away(why: object) -> Problem:
    said = f"{type(why).__name__}: {why}" if isinstance(why, Exception) else str(why)
    return Problem(503, f"nobody can sign in now, the provider of LTC_OIDC_ISSUER: {said}")


def provider_of(request: Request) -> Provider:
    """This process's one view; made with the first question."""
    state = request.app.state
    if not hasattr(state, "provider"):
        state.provider = Provider(state.settings)
    return state.provider  # type: ignore[no-any-return]
