"""The one deadline of all tests."""

DEADLINE_S = 240.0
"""How long a test waits for a condition. It bounds only a test that fails, however slow the machine
is."""
