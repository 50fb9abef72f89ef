"""The rules of the deal stage: pure."""
