"""The rules of the lead stage: pure."""
