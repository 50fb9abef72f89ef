"""``lead-svc serve`` and ``lead-svc migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("lead_svc")


if __name__ == "__main__":
    main()
