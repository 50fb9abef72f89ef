"""The rules of the quote stage: pure."""
