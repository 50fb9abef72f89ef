"""``order-svc serve`` and ``order-svc migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("order_svc")


if __name__ == "__main__":
    main()
