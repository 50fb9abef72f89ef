"""What tests ask of answers, whichever service gave them."""

from __future__ import annotations

from typing import Any

import httpx


def is_problem(answer: httpx.Response, status: int, kind: str) -> None:
    """The answer is a refusal of this kind, told as RFC 9457 has it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:ltc:problem:{kind}"


async def all_pages(client: httpx.AsyncClient, path: str, **query: Any) -> list[dict[str, Any]]:
    """Every row of a list, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        found += answer.json()["items"]
        if answer.json()["next"] is None:
            return found
        cursor = {"cursor": answer.json()["next"]}
