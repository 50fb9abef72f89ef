"""Request limits: budgets per person and per address."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from thing_service import a_client, a_token, an_app, settings_for

from chassis import limits
from chassis.limits import Budget
from chassis.problems import Problem

STRANGER = "/nowhere"


def limited(per_second: float) -> FastAPI:
    return an_app(settings_for(requests_per_second=per_second))


async def statuses(app: FastAPI, token: str, times: int, path: str = "/policies/none") -> list[int]:
    async with a_client(app, token) as client:
        return [(await client.put(path, content=b"{")).status_code for _ in range(times)]


async def test_rate_limit_answers_429_to_one_person_and_serves_others() -> None:
    app = limited(0.01)
    flood = await statuses(app, a_token("maker"), 12)
    assert flood == [415] * 10 + [429] * 2
    assert await statuses(app, a_token("maker", sub="u-2"), 1) == [415]


async def test_rate_limit_response_has_retry_after() -> None:
    app = limited(0.5)
    async with a_client(app) as client:
        answers = [await client.get(STRANGER + "?", headers={}) for _ in range(3)]
        answers += [await client.put("/policies/none", content=b"{") for _ in range(11)]
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.json()["type"] == "urn:ltc:problem:too-many-requests"
    assert 1 <= int(refused.headers["retry-after"]) <= 2


async def test_rate_limit_counts_all_tokens_of_a_person_together() -> None:
    app = limited(0.01)
    answers = [(await statuses(app, a_token("maker", ttl_s=600 + n), 1))[0] for n in range(11)]
    assert answers == [415] * 10 + [429]


async def test_rate_limit_charges_the_address_without_a_valid_token() -> None:
    app = limited(0.01)
    assert await statuses(app, "", 6) == [401] * 6
    assert await statuses(app, "forged", 6) == [401] * 4 + [429] * 2
    assert await statuses(app, "", 1) == [429]
    assert await statuses(app, a_token("maker"), 1) == [415]


async def test_rate_limit_never_refuses_health_checks() -> None:
    app = limited(0.01)
    async with a_client(app, "") as client:
        answers = {(await client.get("/health/live")).status_code for _ in range(30)}
    assert answers == {200}


async def test_rate_limit_is_off_by_default() -> None:
    assert set(await statuses(an_app(settings_for()), a_token("maker"), 50)) == {415}


def test_rate_limit_budget_refills_with_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [1000.0]
    monkeypatch.setattr("chassis.limits.time.monotonic", lambda: clock[0])
    budget = Budget(per_second=1)
    for _ in range(10):
        budget.spend("u-1")
    with pytest.raises(Problem):
        budget.spend("u-1")
    clock[0] += 3
    for _ in range(3):
        budget.spend("u-1")
    with pytest.raises(Problem):
        budget.spend("u-1")


def test_rate_limit_budget_survives_many_invented_callers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "CALLERS", 100)
    budget = Budget(per_second=0.001)
    for n in range(10):
        budget.spend("busy")
        for m in range(50):
            budget.spend(f"invented {n} {m}")
    with pytest.raises(Problem):
        budget.spend("busy")
    assert len(budget._buckets) <= 100
