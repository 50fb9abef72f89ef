"""Those who act in a demo: each through the doors that such a person really has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from ltc.settings import Settings

T = TypeVar("T")

PATIENCE_S = 60.0
"""How long a service may be away before somebody gives up asking."""


class Person:
    """Somebody with a token of the installation's issuer, and a client for every service."""

    def __init__(self, settings: Settings, sub: str, name: str, *roles: str) -> None:
        self.settings = settings
        self._who = {"sub": sub, "name": name, "roles": roles, "ttl_s": 7200}
        self._signed_in = not roles
        self._client = httpx.Client(timeout=120)

    def __enter__(self) -> Person:
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self._client.close()

    def get(self, stage: str, path: str, **params: Any) -> Any:
        """Ask, and ask again while the service is away."""
        return self._patiently("GET", self.settings.url(stage) + path, params=params).json()

    def etag(self, stage: str, path: str) -> str:
        tag: str = self._patiently("GET", self.settings.url(stage) + path).headers["etag"]
        return tag

    def post(self, stage: str, path: str, body: Any = None, *, seen: str | None = None) -> Any:
        return self._send("POST", stage, path, body, seen)

    def put(self, stage: str, path: str, body: Any, *, seen: str | None = None) -> Any:
        return self._send("PUT", stage, path, body, seen)

    def _send(self, method: str, stage: str, path: str, body: Any, seen: str | None) -> Any:
        headers = {"Idempotency-Key": str(uuid4())}
        if seen is not None:
            headers["If-Match"] = seen
        url = self.settings.url(stage) + path
        return self._patiently(method, url, json=body or {}, headers=headers).json()

    def _patiently(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Signed in, which happens with the first request."""
        if not self._signed_in:
            door = f"{self.settings.issuer}/token"
            token = self._ask("POST", door, json=self._who).json()["access_token"]
            self._client.headers["Authorization"] = f"Bearer {token}"
            self._signed_in = True
        return self._ask(method, url, **request)

    def _ask(self, method: str, url: str, **request: Any) -> httpx.Response:
        """Send once, and again while the service is away or its database is: for what changes
        something, the idempotency key makes repeating harmless."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                answer = self._client.request(method, url, **request)
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            else:
                in_flight = "idempotency-key-in-flight" in answer.text
                if not (answer.status_code == 503 or in_flight) or time.monotonic() > deadline:
                    return _told(answer)
            time.sleep(0.3)


class Refusal(RuntimeError):
    """A service said no; the message is what it said."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"{answer.request.method} {answer.request.url}: {answer.text[:500]}")
        self.status = answer.status_code
        self.sentence = _sentence(answer)


def _sentence(answer: httpx.Response) -> str:
    """What a problem says to a person, with the fields that it names."""
    try:
        problem = answer.json()
        fields = [f"{e['pointer']}: {e['detail']}" for e in problem.get("errors", ())]
        return "; ".join([str(problem["detail"]), *fields])
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"{answer.status_code} from {answer.request.url}"


def _told(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise Refusal(answer)
    return answer


def wait_for(find: Callable[[], T | None], *, what: str, within_s: float = 90.0) -> T:
    """Look again and again until there is something. Raises TimeoutError naming it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            found = find()
        except httpx.TransportError:
            found = None
        except Refusal as refusal:
            if refusal.status != 404:
                raise
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not come within {within_s:.0f} s")
