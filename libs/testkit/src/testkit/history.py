"""The answers that callers got, line by line in a file; `testkit.load` writes it."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


class History:
    """An append-only file of answers; several threads may write."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()

    def note(self, op: str, key: str, status: str, **more: Any) -> None:
        line = {"op": op, "key": key, "status": status, "time": datetime.now(UTC).isoformat()}
        self.append(line | more)

    def append(self, line: dict[str, Any]) -> None:
        with self._lock, self.file.open("a") as lines:
            lines.write(json.dumps(line) + "\n")

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.file.read_text().splitlines()]
