"""Ids of the chain: UUIDs, made where a thing first appears and carried forward for ever."""

from __future__ import annotations

from typing import NewType
from uuid import UUID, uuid5

import uuid_utils

JourneyId = NewType("JourneyId", UUID)
"""The whole way from first contact to cash; given at capture, on every row, fact and log line."""
LeadId = NewType("LeadId", UUID)
DealId = NewType("DealId", UUID)
QuoteId = NewType("QuoteId", UUID)
ContractId = NewType("ContractId", UUID)
OrderId = NewType("OrderId", UUID)
InvoiceId = NewType("InvoiceId", UUID)
PaymentId = NewType("PaymentId", UUID)
AccountId = NewType("AccountId", UUID)
ContactId = NewType("ContactId", UUID)
EventId = NewType("EventId", UUID)


def new_id() -> UUID:
    """A UUIDv7: ordered by time, so that indexes stay warm and partitions can be dropped."""
    return UUID(int=uuid_utils.uuid7().int)


def derived_id(cause: UUID, purpose: str) -> UUID:
    """The one id of what a cause brings about: creating it twice makes one thing."""
    return uuid5(cause, purpose)


def repeatable_id(cause: UUID, n: int) -> UUID:
    """The n-th id that handling an event gives out: the same each time it is handled. A UUIDv7 of
    the event's own time, when the event's id is one."""
    random = uuid5(cause, f"id:{n}").int & ((1 << 62) - 1)
    return UUID(int=(cause.int >> 80 << 80) | 0x7 << 76 | (n & 0xFFF) << 64 | 0b10 << 62 | random)
