"""The one way a service becomes a process: HTTP, health, telemetry, and the runtime beside it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI, Response

from chassis import bulk, ops, problems
from chassis.auth import Authenticator, assert_every_route_names_its_roles, public
from chassis.db import Database
from chassis.limits import install_limits
from chassis.logging import setup_logging
from chassis.metrics import Metrics
from chassis.revisions import of_database
from chassis.runtime import Runtime, Service
from chassis.settings import Settings
from chassis.tracing import HttpTelemetry, setup_telemetry
from chassis.wire import DRAINING

logger = logging.getLogger(__name__)


def create_app(service: Service, settings: Settings) -> FastAPI:
    """The service as an ASGI application; its lifespan starts and stops the runtime."""
    setup_logging(service.name, settings.log_level)
    metrics = Metrics(service.name, instance=settings.instance)
    database = Database(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Mapping[str, object]]:
        telemetry = setup_telemetry(
            service.name,
            version=service.version,
            instance=settings.instance,
            otlp_endpoint=settings.otlp_endpoint,
            sample_ratio=settings.trace_ratio,
            traces_per_second=settings.traces_per_second,
            meters=metrics.provider,
        )
        runtime = Runtime(service, settings, database, metrics)
        app.state.runtime = runtime
        await runtime.start()
        app.state.ready = True
        try:
            yield {DRAINING: asyncio.Event()}
        finally:
            app.state.ready = False
            await runtime.stop()
            telemetry.shutdown()

    app = FastAPI(
        title=service.name,
        version=service.version,
        description=service.description,
        lifespan=lifespan,
        generate_unique_id_function=lambda route: route.name,
        # Its pages show every door to everybody; who integrates has the published document.
        openapi_url=None if settings.environment == "production" else "/openapi.json",
    )
    app.state.ready = False
    app.state.settings = settings
    app.state.database = database
    app.state.metrics = metrics
    app.state.service = service
    app.state.authenticator = Authenticator(settings)
    problems.install(app)
    install_limits(app, settings, service.larger_bodies)
    for looks_first in service.middleware:
        app.add_middleware(looks_first)
    app.add_middleware(HttpTelemetry)
    app.include_router(service.router)
    app.include_router(ops.router)
    app.include_router(_health(app))
    assert_every_route_names_its_roles(app)
    return app


def _health(app: FastAPI) -> APIRouter:
    router = APIRouter(tags=["health"], dependencies=[public("a load balancer has no token")])

    @router.get("/health/live")
    async def live() -> dict[str, str]:
        """The process answers. A consumer that makes no progress ends the process by itself."""
        return {"status": "alive"}

    @router.get("/health/ready", responses={503: {"model": dict[str, str]}})
    async def ready(response: Response) -> dict[str, str]:
        """The database answers, the runtime is up, and nothing of what is to be heard is lost. Not
        that Kafka is there: the outbox absorbs its absence. ``hearing`` tells whether messages are
        taken at this moment."""
        vigil = app.state.runtime.vigil if app.state.ready else None
        status = "ready" if app.state.ready else "starting"
        revision = ""
        if app.state.ready:
            try:
                await bulk.ask(app.state.database.engine, "SELECT 1 FROM outbox_shard LIMIT 1")
                async with app.state.database.engine.connect() as connection:
                    revision = (await of_database(connection)).revision or ""
            except Exception as error:
                logger.info("not ready: %s: %s", type(error).__name__, error)
                status = "the database does not answer"
            else:
                status = (vigil and vigil.obstacle) or status
        if status != "ready":
            response.status_code = 503
        hearing = "yes" if vigil and vigil.hearing else "no"
        return {
            "status": status,
            "version": app.state.service.version,
            "hearing": hearing,
            "database_revision": revision,
        }

    @router.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        """Prometheus text."""
        if app.state.ready:
            await app.state.runtime.gauges.refresh()
        return Response(app.state.metrics.render(), media_type="text/plain; version=0.0.4")

    return router
