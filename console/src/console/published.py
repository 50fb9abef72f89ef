"""``python -m console.published``: the console's OpenAPI, from which the pages' types are made."""

from __future__ import annotations

import json
import sys

from chassis.app import create_app
from chassis.settings import Settings
from console.main import service

if __name__ == "__main__":
    json.dump(create_app(service, Settings(service="console")).openapi(), sys.stdout)
