"""``python -m ltc``."""

from ltc.main import run

if __name__ == "__main__":
    run()
