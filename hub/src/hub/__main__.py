"""``ltc-hub serve`` and ``ltc-hub migrate``."""

from __future__ import annotations

from chassis.command import run


def main() -> None:
    run("hub")


if __name__ == "__main__":
    main()
