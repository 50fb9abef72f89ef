"""``deal-svc serve`` and ``deal-svc migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("deal_svc")


if __name__ == "__main__":
    main()
