"""``<service> serve``: serve one service with uvloop until told to stop."""

from __future__ import annotations

import argparse
import asyncio
import importlib

from chassis.app import create_app
from chassis.exits import MustStop, leave
from chassis.preflight import check_database, check_topics
from chassis.runtime import Service
from chassis.server import run
from chassis.settings import Settings, read_settings
from chassis.wire import BoundedHttp

DRAIN_WITHIN_S = 10
KEEP_ALIVE_S = 75
"""How long a connection may be idle. Longer than callers and balancers keep theirs (httpx 5 s, most
proxies 60 s): whoever hangs up first must be the one who sends, else a request now and then meets
a connection that is just being closed."""


def serve(package: str) -> None:
    """Serve the service in a package, with the settings of the environment. Raises MustStop when
    it must not begin."""
    settings = read_settings(package.replace("_", "-"))
    service: Service = importlib.import_module(f"{package}.main").service
    asyncio.run(_look_first(package, service, settings))
    run(
        create_app(service, settings),
        host=settings.http_host,
        port=settings.http_port,
        trusted_proxies=settings.trusted_proxies,
        ssl_certfile=settings.http_tls_cert_file,
        ssl_keyfile=settings.http_tls_key_file,
        loop="uvloop",
        http=BoundedHttp,
        access_log=False,
        log_config=None,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=DRAIN_WITHIN_S,
        server_header=False,
    )


async def _look_first(package: str, service: Service, settings: Settings) -> None:
    heard = service.consumer.topics if settings.consume else []
    await check_database(package, settings)
    await check_topics(settings, heard)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", help="lead_svc")
    arguments = parser.parse_args()
    try:
        serve(arguments.package)
    except MustStop as error:
        leave(error)


if __name__ == "__main__":
    main()
