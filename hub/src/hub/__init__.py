"""hub. Its version is this one: of the package, the image, the API and every span."""

__version__ = "0.1.0"
