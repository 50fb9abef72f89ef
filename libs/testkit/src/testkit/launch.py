"""``python -m testkit.launch lead_svc``: serve a service that can be told to die.

`ControlledInstallation` starts it instead of ``chassis.serve``, which it ends in. It changes the
service in memory, before it is imported; nothing of it is in a package that anybody installs.
"""

from __future__ import annotations

import json
import os
import signal
from importlib import import_module
from pathlib import Path
from typing import Any

from chassis import failpoints, serve


class Failpoints:
    """Counts the hits of the armed point and kills the process at the n-th."""

    def __init__(self, prefix: Path) -> None:
        self._armed = prefix.with_name(f"{prefix.name}.armed")
        self._hit = prefix.with_name(f"{prefix.name}.hit")
        self._order: dict[str, Any] | None = None
        self._stamp = 0
        self._hits = 0

    def reached(self, point: str, amount: int = 1) -> None:
        """Replaces `chassis.failpoints.reached`. Points that are about nothing do not count."""
        try:
            stamp = self._armed.stat().st_mtime_ns
        except OSError:
            return
        if stamp != self._stamp:
            self._stamp, self._hits = stamp, 0
            self._order = json.loads(self._armed.read_text())
        order = self._order
        if order is None or not amount or point != order["point"]:
            return
        self._hits += 1
        if self._hits >= order["nth"]:
            self._armed.unlink()
            self._hit.write_text(json.dumps({"point": point, "pid": os.getpid()}))
            os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    failpoints.reached = Failpoints(Path(os.environ["LTC_TEST_FAILPOINTS"])).reached
    bug = os.environ.get("LTC_TEST_SABOTAGE")
    if bug:
        module, _, plant = bug.partition(":")
        import_module(module).PLANTS[plant]()
    serve.main()


if __name__ == "__main__":
    main()
