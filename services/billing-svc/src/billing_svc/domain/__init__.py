"""The rules of the billing stage: pure."""
