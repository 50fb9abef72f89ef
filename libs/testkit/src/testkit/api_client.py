"""The public doors of an installation: plain HTTP with a bearer token, or with nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx

from testkit.deadline import DEADLINE_S

if TYPE_CHECKING:
    from testkit.installation.base import Installation


class Refused(Exception):
    """A service said no: the problem that it answered."""

    def __init__(self, answer: httpx.Response) -> None:
        self.status = answer.status_code
        self.media_type = answer.headers.get("content-type", "")
        self.problem: dict[str, Any] = answer.json() if "json" in self.media_type else {}
        request = answer.request
        super().__init__(f"{self.status} to {request.method} {request.url}: {answer.text[:400]}")

    @property
    def type(self) -> str:
        return str(self.problem.get("type", "")).removeprefix("urn:ltc:problem:")

    @property
    def pointers(self) -> list[str]:
        return [error["pointer"] for error in self.problem.get("errors", [])]


class ApiClient:
    """One visitor's way into every service."""

    def __init__(self, installation: Installation, token: str | None = None) -> None:
        self._installation = installation
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._client = httpx.Client(headers=headers, timeout=DEADLINE_S)

    def close(self) -> None:
        self._client.close()

    def send(self, method: str, stage: str, path: str, **request: Any) -> httpx.Response:
        """The answer, whatever it is."""
        return self._client.request(method, self._installation.url(stage) + path, **request)

    def get(self, stage: str, path: str, **params: Any) -> Any:
        return _told(self.send("GET", stage, path, params=params)).json()

    def post(
        self,
        stage: str,
        path: str,
        body: Any = None,
        *,
        seen: int | None = None,
        key: str | None = None,
    ) -> Any:
        """Do something once: under a key of its own unless one is given."""
        return self._change("POST", stage, path, body, seen, key or str(uuid4()))

    def put(self, stage: str, path: str, body: Any, *, seen: int | None = None) -> Any:
        return self._change("PUT", stage, path, body, seen, None)

    def _change(
        self, method: str, stage: str, path: str, body: Any, seen: int | None, key: str | None
    ) -> Any:
        headers = {} if key is None else {"Idempotency-Key": key}
        if seen is not None:
            headers["If-Match"] = f'"v{seen}"'
        return _told(self.send(method, stage, path, json=body or {}, headers=headers)).json()


def _told(answer: httpx.Response) -> httpx.Response:
    if answer.is_error:
        raise Refused(answer)
    return answer


def refused(answer: httpx.Response, status: int) -> list[str]:
    """The fields that a problem names; it says what it is, and by which id it can be found."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].startswith("urn:ltc:problem:")
    assert problem["status"] == status
    assert problem["instance"]
    return [error["pointer"] for error in problem["errors"]]
