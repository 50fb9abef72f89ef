"""``ltc-console serve`` and ``ltc-console migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("console")


if __name__ == "__main__":
    main()
