"""``python -m chassis.serve lead_svc``: serve one service with uvloop until told to stop."""

from __future__ import annotations

import argparse
import importlib

import uvicorn

from chassis.app import create_app
from chassis.settings import Settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", help="lead_svc")
    arguments = parser.parse_args()
    service = importlib.import_module(f"{arguments.package}.main").service
    settings = Settings(service=service.name, version=service.version)
    uvicorn.run(
        create_app(service, settings),
        host=settings.http_host,
        port=settings.http_port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        timeout_graceful_shutdown=10,
        server_header=False,
    )


if __name__ == "__main__":
    main()
