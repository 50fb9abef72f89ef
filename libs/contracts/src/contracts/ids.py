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


ORDERED_SINCE_MS = 1_795_996_800_000
"""2026-11-30T00:00Z. What an earlier cause brings about keeps the UUIDv5 that it may have already,
so a lead that was captured before has one deal."""


def derived_id(cause: UUID, purpose: str) -> UUID:
    """The one id of what a cause brings about: creating it twice makes one thing.

    Of a UUIDv7 it is a UUIDv7 of the same millisecond: indexes grow at their end, so a row costs
    the same however many there are (ADR 20). Of any other id it is a UUIDv5.
    """
    named = uuid5(cause, purpose)
    if cause.version != 7 or cause.int >> 80 < ORDERED_SINCE_MS:
        return named
    return _of_the_time(cause, (named.int >> 64) & 0xFFF, named)


def repeatable_id(cause: UUID, n: int) -> UUID:
    """The n-th id that handling an event gives out: the same each time it is handled. A UUIDv7 of
    the event's own time, when the event's id is one."""
    return _of_the_time(cause, n & 0xFFF, uuid5(cause, f"id:{n}"))


def _of_the_time(cause: UUID, count: int, named: UUID) -> UUID:
    """A UUIDv7 of the cause's millisecond, with 12 bits of ``count`` and 62 of ``named``."""
    random = named.int & ((1 << 62) - 1)
    return UUID(int=(cause.int >> 80 << 80) | 0x7 << 76 | count << 64 | 0b10 << 62 | random)
