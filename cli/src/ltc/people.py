"""Those who act in a demo: each through the doors that such a person really has."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from chassis.issuer import mint
from ltc.settings import Settings

T = TypeVar("T")


class Person:
    """Somebody with a token, and a client for every service."""

    def __init__(self, settings: Settings, sub: str, name: str, *roles: str) -> None:
        self.settings = settings
        headers = {}
        if roles:
            token = mint(
                settings.key_file,
                settings.issuer,
                sub=sub,
                name=name,
                roles=list(roles),
                ttl_s=7200,
            )
            headers["Authorization"] = f"Bearer {token}"
        self._client = httpx.Client(headers=headers, timeout=30)

    def get(self, stage: str, path: str, **params: Any) -> Any:
        answer = self._client.get(self.settings.url(stage) + path, params=params)
        return _told(answer).json()

    def etag(self, stage: str, path: str) -> str:
        answer = self._client.get(self.settings.url(stage) + path)
        tag: str = _told(answer).headers["etag"]
        return tag

    def post(self, stage: str, path: str, body: Any = None, *, seen: str | None = None) -> Any:
        return self._send("POST", stage, path, body, seen)

    def put(self, stage: str, path: str, body: Any, *, seen: str | None = None) -> Any:
        return self._send("PUT", stage, path, body, seen)

    def _send(self, method: str, stage: str, path: str, body: Any, seen: str | None) -> Any:
        """Send once, and again while the service is away: the key makes repeating harmless."""
        headers = {"Idempotency-Key": str(uuid4())}
        if seen is not None:
            headers["If-Match"] = seen
        url = self.settings.url(stage) + path
        deadline = time.monotonic() + 30
        while True:
            try:
                answer = self._client.request(method, url, json=body or {}, headers=headers)
                if answer.status_code != 503:
                    return _told(answer).json()
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            if time.monotonic() > deadline:
                return _told(answer).json()
            time.sleep(0.3)


def _told(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.text[:500]}")
    return answer


def wait_for(find: Callable[[], T | None], *, what: str, within_s: float = 45.0) -> T:
    """Look again and again until there is something. Raises TimeoutError naming it."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            found = find()
        except httpx.TransportError:
            found = None
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what} did not come within {within_s:.0f} s")
