"""order-svc has no clock of its own; its waits are gates, and the chassis sweeps those."""

from __future__ import annotations

from chassis.timers import Timers

timers = Timers()
