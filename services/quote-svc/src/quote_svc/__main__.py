"""``quote-svc serve`` and ``quote-svc migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("quote_svc")


if __name__ == "__main__":
    main()
