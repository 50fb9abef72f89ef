"""JSON documents that a person gives to a command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ltc.on_call import NotThere


def from_file(file: Path) -> Any:
    """The value in a file. Raises NotThere."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise NotThere(f"{file} holds no JSON: {error}") from error
