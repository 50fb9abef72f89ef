"""How the services are, as each tells whoever watches the installation: no token needed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Literal

from fastapi import APIRouter, Depends, Request
from prometheus_client.parser import text_string_to_metric_families
from pydantic import BaseModel

from chassis.http import refuse_nul
from console.doors import operator
from console.peers import Answer, AskedPeers
from console.shared_look import SharedLook, look_of

router = APIRouter(tags=["installation"], dependencies=[Depends(refuse_nul)])
LOOK_EVERY_S = 1.0


class ServiceState(BaseModel):
    """One service as it answers now. What it did not tell is none."""

    service: str
    status: Literal["ready", "starting", "away"]
    version: str | None = None
    hearing: bool | None = None
    """Whether messages are taken at this moment."""
    database_revision: str | None = None
    outbox_rows: int | None = None
    outbox_age_s: float | None = None
    parked_keys: int | None = None
    dead_keys: int | None = None
    oldest_transaction_s: float | None = None
    lag_s: float | None = None
    error: str | None = None
    """Why it is not ready."""


@router.get("/services", operation_id="listServices")
async def list_services(_: operator, request: Request, peers: AskedPeers) -> list[ServiceState]:
    """Every service that the console knows the address of; dead ones cost three seconds at most."""

    async def look() -> list[ServiceState]:
        ready, metrics = await asyncio.gather(
            peers.ask_all("/health/ready"), peers.ask_all("/metrics")
        )
        return [state_of(ready[name], metrics[name]) for name in peers.urls]

    shared = look_of(request, "services", lambda: SharedLook(look, every_s=LOOK_EVERY_S))
    return await shared.found()


def state_of(ready: Answer, metrics: Answer) -> ServiceState:
    """What the two answers of one service say together."""
    told = ready.body if isinstance(ready.body, dict) and "status" in ready.body else None
    if told is None:
        why = ready.error or f"it answers {ready.status}, and not as a service of ours"
        return ServiceState(service=ready.service, status="away", error=why)
    return ServiceState(
        service=ready.service,
        status="ready" if ready.ok else "starting",
        error=None if ready.ok else str(told["status"]),
        version=told.get("version"),
        hearing=told.get("hearing") == "yes",
        database_revision=told.get("database_revision") or None,
        **_gauges(metrics),
    )


def _gauges(metrics: Answer) -> Mapping[str, Any]:
    """What a service counts: gauges that were never set are none."""
    if not metrics.ok or not isinstance(metrics.body, str):
        return {}
    found = {
        (sample.name, sample.labels.get("status", "")): sample.value
        for family in text_string_to_metric_families(metrics.body)
        for sample in family.samples
    }

    def count(name: str, status: str = "") -> int | None:
        value = found.get((name, status))
        return None if value is None else int(value)

    return {
        "outbox_rows": count("ltc_outbox_pending"),
        "outbox_age_s": found.get(("ltc_outbox_oldest_age_seconds", "")),
        "parked_keys": count("ltc_parking_keys", "retrying"),
        "dead_keys": count("ltc_parking_keys", "dead"),
        "oldest_transaction_s": found.get(("ltc_db_oldest_transaction_seconds", "")),
        "lag_s": found.get(("ltc_consumer_lag_age_seconds", "")),
    }
