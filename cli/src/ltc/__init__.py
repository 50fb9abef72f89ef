"""``ltc``: everything on one machine, from one command."""
