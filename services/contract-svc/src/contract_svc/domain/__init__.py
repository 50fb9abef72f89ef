"""The rules of the contract stage: pure."""
