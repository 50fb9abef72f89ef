"""The rules of the order stage: pure."""
