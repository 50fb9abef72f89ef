"""Every fact of the chain: who says it, who hears it. Feeds documentation, schemas and tests."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from contracts import billing, contract, deal, journey, lead, order, quote
from contracts.event import Event

STAGES = ("lead", "deal", "quote", "contract", "order", "billing")
PARTITIONS = 12


class Entry(NamedTuple):
    """A fact in the catalogue."""

    fact: type[Event]
    hearers: tuple[str, ...]


class Deprecation(NamedTuple):
    """A type that is still said, and will not be for ever."""

    since: date
    ends: date
    """The first day on which it may no longer be said."""
    instead: str
    """The type that tells the same, better."""


_HEARD: dict[type[Event], tuple[str, ...]] = {
    lead.LeadCaptured: (),
    lead.LeadAssigned: (),
    lead.LeadQualified: ("deal",),
    lead.LeadDisqualified: (),
    lead.LeadReopened: (),
    lead.LeadMerged: ("deal",),
    lead.LeadConverted: (),
    deal.DealOpened: ("lead",),
    deal.DealStageChanged: (),
    deal.ProposalRequested: ("quote",),
    deal.DealWon: (),
    deal.DealLost: ("quote", "contract"),
    deal.DealReopened: ("quote",),
    quote.QuoteDrafted: (),
    quote.QuoteApprovalRequested: ("deal",),
    quote.QuoteApproved: ("deal",),
    quote.QuoteRejected: ("deal",),
    quote.QuoteSent: ("deal",),
    quote.QuoteAccepted: ("contract", "deal"),
    quote.QuoteDeclined: ("deal", "contract"),
    quote.QuoteExpired: ("deal", "contract"),
    quote.QuoteSuperseded: ("contract", "deal"),
    contract.ContractDrafted: (),
    contract.ContractSentForSignature: (),
    contract.ContractPartySigned: (),
    contract.ContractSigned: ("order", "billing", "deal"),
    contract.ContractDeclined: ("deal",),
    contract.ContractWithdrawn: ("deal",),
    contract.ContractTerminated: ("order", "billing", "deal"),
    order.OrderPlaced: ("contract",),
    order.OrderHeld: (),
    order.OrderReleased: (),
    order.OrderShipped: (),
    order.OrderDelivered: ("billing",),
    order.OrderCancelled: ("contract", "billing"),
    order.OrderFulfilled: ("contract", "billing"),
    billing.InvoiceIssued: ("contract", "deal"),
    billing.PrepaymentConfirmed: ("order",),
    billing.PrepaymentRefused: ("order",),
    billing.PaymentReceived: (),
    billing.PaymentAllocated: ("order",),
    billing.PaymentUnallocated: ("order",),
    billing.PaymentReturned: (),
    billing.InvoicePaid: ("contract", "deal"),
    billing.InvoiceOverdue: ("deal",),
    billing.InvoiceCredited: ("contract", "deal"),
    billing.JourneySettled: ("contract", "deal", "lead"),
}
_GATES = (
    journey.LEAD_GATES,
    journey.DEAL_GATES,
    journey.QUOTE_GATES,
    journey.CONTRACT_GATES,
    journey.ORDER_GATES,
    journey.BILLING_GATES,
)

CATALOG: dict[str, Entry] = {
    **{fact.name: Entry(fact, hearers) for fact, hearers in _HEARD.items()},
    **{fact.name: Entry(fact, ()) for gates in _GATES for fact in gates},
}
"""By wire type. The console hears everything and is not listed."""

FACTS: dict[str, type[Event]] = {name: entry.fact for name, entry in CATALOG.items()}

RETIRED: dict[str, str] = {}
"""Types that were taken out openly, and why. Only what no registered consumer needs may stand here;
a name that does is never used again."""

DEPRECATED: dict[str, Deprecation] = {}
"""Types with a successor, from the day on which both are said. The schema says so too."""

PUBLIC_TOPICS = tuple(f"ltc.{stage}.v1" for stage in STAGES)
STATE_TOPICS = tuple(f"ltc.{stage}.state.v1" for stage in STAGES)


def producer(fact: type[Event]) -> str:
    """The stage that says a fact."""
    return fact.topic.split(".")[1]
