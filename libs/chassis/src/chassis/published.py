"""``python -m chassis.published console``: the OpenAPI of a service, to make types from."""

from __future__ import annotations

import json
import sys
from importlib import import_module

from chassis.app import create_app
from chassis.settings import Settings

if __name__ == "__main__":
    name = sys.argv[1]
    service = import_module(f"{name}.main").service
    json.dump(create_app(service, Settings(service=name)).openapi(), sys.stdout)
