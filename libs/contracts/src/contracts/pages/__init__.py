"""The catalogue's pages as they are served. Written by `make schemas`."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent
