"""``python -m ltc``."""

from ltc.main import app

if __name__ == "__main__":
    app()
