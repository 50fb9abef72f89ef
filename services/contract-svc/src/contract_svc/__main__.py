"""``contract-svc serve`` and ``contract-svc migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("contract_svc")


if __name__ == "__main__":
    main()
