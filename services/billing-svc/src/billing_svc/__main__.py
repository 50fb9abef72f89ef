"""``billing-svc serve`` and ``billing-svc migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("billing_svc")


if __name__ == "__main__":
    main()
